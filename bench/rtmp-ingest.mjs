// What taking publishers in costs: the CPU of a process in which Headwater's RTMP server throws every frame away, beside a bare
// net server that reads the same clip, as FLV over TCP, and does nothing with it. Both are pushed to by real ffmpegs.
//   node bench/rtmp-ingest.mjs [channels, 10] [seconds, 20] [rounds, 3]     needs a built tree (npm run build)
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machine, median, sleep } from './box-under-test.mjs';

const self = fileURLToPath(import.meta.url);

/** One process with one server; it answers `cpu` with its seconds of CPU and the media bytes and frames taken so far. */
async function serve(kind) {
  const taken = { bytes: 0, frames: 0 };
  const port = kind === 'rtmp' ? await serveRtmp(taken) : await serveBare(taken);
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send({ cpu: (user + system) / 1e6, ...taken });
  });
  process.on('disconnect', () => process.exit(0));
  process.send({ port });
}

async function serveRtmp(taken) {
  const { openRtmpServer } = await import('../dist/ingest/rtmp/server.js');
  const { silentLog: log } = await import('../dist/telemetry/log.js');
  const { Metrics } = await import('../dist/telemetry/metrics.js');
  const session = {
    config: () => ({ ok: true }),
    metadata() {},
    frame({ data }) {
      taken.bytes += data.length;
      taken.frames += 1;
      return true;
    },
    end() {},
  };
  const publishing = { admit: async () => ({ ok: true, session }) };
  const server = await openRtmpServer({ host: '127.0.0.1', port: 0, publishing, log, metrics: new Metrics() });
  return server.address.port;
}

async function serveBare(taken) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      taken.bytes += bytes.length;
      taken.frames += 1;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

async function makeClip(file, seconds) {
  const picture = `testsrc2=size=1280x720:rate=30:duration=${seconds},noise=alls=8:allf=t`;
  const inputs = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', `sine=sample_rate=48000:duration=${seconds}`];
  const rate = ['-b:v', '3M', '-maxrate', '3M', '-bufsize', '3M'];
  const video = ['-c:v', 'libx264', '-preset', 'veryfast', ...rate, '-g', '60', '-bf', '0', '-pix_fmt', 'yuv420p'];
  const child = spawn('ffmpeg', ['-v', 'error', ...inputs, ...video, '-c:a', 'aac', '-b:a', '128k', '-y', file]);
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error('the clip could not be made');
}

function push(clip, address) {
  const args = ['-v', 'error', '-re', '-stream_loop', '-1', '-i', clip, '-c', 'copy', '-flush_packets', '1'];
  return spawn('ffmpeg', [...args, '-f', 'flv', address], { stdio: 'ignore' });
}

/** CPU of a core per channel, in percent, and what came per channel and second. */
async function measure(kind, clip, channels, seconds) {
  const server = fork(self, ['serve', kind]);
  const [{ port }] = await once(server, 'message');
  const ask = async () => {
    server.send('cpu');
    return (await once(server, 'message'))[0];
  };
  const address = kind === 'rtmp' ? `rtmp://127.0.0.1:${port}/live/key` : `tcp://127.0.0.1:${port}`;
  const publishers = Array.from({ length: channels }, () => push(clip, address));
  await sleep(5000);
  const before = await ask();
  await sleep(seconds * 1000);
  const after = await ask();
  for (const publisher of publishers) publisher.kill('SIGKILL');
  server.disconnect();
  await once(server, 'exit');
  const per = (name) => (after[name] - before[name]) / seconds / channels;
  return { percent: per('cpu') * 100, megabits: (per('bytes') * 8) / 1e6, events: per('frames') };
}

async function compare([channels = 10, seconds = 20, rounds = 3]) {
  const folder = mkdtempSync(join(tmpdir(), 'headwater-bench-'));
  const clip = join(folder, 'clip.mp4');
  console.log(`${channels} publishers of 720p30, ${seconds} s; ${machine()}`);
  await makeClip(clip, 10);
  const percents = { rtmp: [], bare: [] };
  for (let round = 1; round <= rounds; round += 1) {
    for (const kind of ['rtmp', 'bare']) {
      const { percent, megabits, events } = await measure(kind, clip, channels, seconds);
      percents[kind].push(percent);
      const came = `${megabits.toFixed(2)} Mb/s, ${events.toFixed(0)} ${kind === 'rtmp' ? 'frames' : 'reads'}/s`;
      console.log(`round ${round}, ${kind}: ${percent.toFixed(3)}% of a core per channel (${came})`);
    }
  }
  rmSync(folder, { recursive: true, force: true });
  console.log(`median: rtmp ${median(percents.rtmp).toFixed(3)}%, bare ${median(percents.bare).toFixed(3)}%`);
}

if (process.argv[2] === 'serve') await serve(process.argv[3]);
else await compare(process.argv.slice(2).map(Number));
