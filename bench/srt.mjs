// SRT at 20 Mb/s through a relay that drops 2% of the packets both ways: does every frame arrive, and what does taking it in cost?
// Beside it the floor: a bare ffmpeg that receives the same over SRT and throws it away. Then the cost at an ordinary rate.
//   node bench/srt.mjs [seconds, 60] [megabits, 20] [rounds, 1]     needs a built tree (npm run build)
import { fork, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TsDemuxer } from '../dist/ingest/mpeg-ts/ts-demuxer.js';
import { cpuSeconds, machine, median, sleep, until } from './box-under-test.mjs';

const self = fileURLToPath(import.meta.url);
const LATENCY_MS = 400;

/** Counts frames and hashes their bytes, track by track. */
class Tally {
  tracks = { video: { frames: 0, hash: createHash('sha256') }, audio: { frames: 0, hash: createHash('sha256') } };

  add({ track, data }) {
    this.tracks[track].frames += 1;
    this.tracks[track].hash.update(data);
  }

  /** Frames and the hash of all bytes so far. */
  get sums() {
    const { video, audio } = this.tracks;
    const sum = ({ frames, hash }) => `${frames} ${hash.copy().digest('hex').slice(0, 16)}`;
    return { video: sum(video), audio: sum(audio) };
  }
}

/** A process with an SRT server whose publishers' frames are counted, or (to measure the cost alone) only taken. */
async function serve(counting) {
  const { openSrtServer } = await import('../dist/ingest/srt/server.js');
  const { silentLog: log } = await import('../dist/telemetry/log.js');
  const { Metrics } = await import('../dist/telemetry/metrics.js');
  const tally = new Tally();
  let requests = 0;
  let ended = 0;
  let link = null;
  const publishing = {
    async admit(request) {
      requests += 1;
      link = request.linkStats;
      const session = {
        channel: request.streamKey,
        config: () => ({ ok: true }),
        metadata() {},
        frame(frame) {
          if (counting) tally.add(frame);
          return true;
        },
        end: () => {
          ended += 1;
        },
      };
      return { ok: true, session };
    },
  };
  const keys = {
    async follow(listener) {
      for (const streamKey of ['key', 'key-0', 'key-1', 'key-2', 'key-3']) listener({ channel: streamKey, streamKey });
      return () => {};
    },
  };
  const metrics = new Metrics();
  const options = { host: '127.0.0.1', port: 0, publishing, keys, log, metrics };
  const { server } = await openSrtServer({ ...options, limits: { latencyMs: counting ? LATENCY_MS : 200 } });
  process.on('message', async (question) => {
    if (question === 'close') {
      await server.close(1000);
      process.exit(0);
    }
    const { user, system } = process.cpuUsage();
    const child = cpuSeconds(server.listenerPid).own;
    const dropped = /dropped_packets\{.*\} (\d+)/.exec(await metrics.text())?.[1] ?? '0';
    process.send({
      own: (user + system) / 1e6,
      child,
      requests,
      ended,
      link: link?.() ?? null,
      dropped,
      sums: tally.sums,
    });
  });
  process.send({ port: server.address.port });
}

async function startServer(counting) {
  const server = fork(self, ['serve', counting ? 'count' : 'take']);
  const [{ port }] = await once(server, 'message');
  const ask = async () => {
    server.send('ask');
    return (await once(server, 'message'))[0];
  };
  const close = async () => {
    server.send('close');
    await once(server, 'exit');
  };
  return { port, ask, close };
}

/** Loses packets both ways, the same ones every time (xorshift32). */
async function openRelay(to, loss) {
  let seed = 20_260_101;
  const counts = { passed: 0, lost: 0 };
  const loses = () => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    const lost = (seed >>> 0) / 2 ** 32 < relay.loss;
    counts[lost ? 'lost' : 'passed'] += 1;
    return lost;
  };
  const big = { type: 'udp4', recvBufferSize: 8 * 1024 * 1024 };
  const front = createSocket(big);
  const backs = new Map();
  front.on('message', (bytes, { address, port }) => {
    let back = backs.get(port);
    if (back === undefined) {
      back = createSocket(big);
      back.on('message', (answer) => loses() || front.send(answer, port, address));
      backs.set(port, back);
    }
    if (!loses()) back.send(bytes, to, '127.0.0.1');
  });
  front.bind(0, '127.0.0.1');
  await once(front, 'listening');
  const close = () => [front, ...backs.values()].forEach((socket) => void socket.close());
  const relay = { port: front.address().port, loss, counts, close };
  return relay;
}

async function makeClip(file, seconds, megabits) {
  const picture = `testsrc2=size=1280x720:rate=30:duration=${seconds},noise=alls=20:allf=t`;
  const inputs = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', `sine=sample_rate=48000:duration=${seconds}`];
  const rate = [
    '-b:v',
    `${megabits}M`,
    '-minrate',
    `${megabits}M`,
    '-maxrate',
    `${megabits}M`,
    '-bufsize',
    `${megabits}M`,
  ];
  const video = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    ...rate,
    '-x264-params',
    'nal-hrd=cbr',
    '-g',
    '60',
    '-bf',
    '0',
  ];
  const audio = ['-c:a', 'aac', '-b:a', '128k'];
  const child = spawn('ffmpeg', ['-v', 'error', ...inputs, ...video, '-pix_fmt', 'yuv420p', ...audio, '-y', file]);
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error('the clip could not be made');
}

/** `input` options stand before the clip. */
function push(clip, address, ...input) {
  const args = ['-v', 'error', '-re', ...input, '-i', clip, '-c', 'copy', '-f', 'mpegts', '-muxdelay', '0'];
  return spawn('ffmpeg', [...args, address], { stdio: 'ignore' });
}

/** What the publisher sends, taken apart without a network between. */
async function expectedSums(clip) {
  const tally = new Tally();
  const demuxer = new TsDemuxer({ onConfig() {}, onFrame: (frame) => tally.add(frame), onFault() {} });
  for await (const bytes of createReadStream(clip)) demuxer.push(bytes);
  demuxer.end();
  return tally.sums;
}

async function lossy(clip, megabits) {
  const server = await startServer(true);
  const relay = await openRelay(server.port, 0.02);
  const before = await server.ask();
  const startedAt = performance.now();
  const publisher = push(clip, `srt://127.0.0.1:${relay.port}?streamid=key&latency=${LATENCY_MS * 1000}&linger=5`);
  let link = null;
  const watch = setInterval(async () => {
    ({ link } = await server.ask());
  }, 2000);
  await once(publisher, 'exit');
  clearInterval(watch);
  await sleep(100);
  await until(async () => (await server.ask()).ended === 1, 20_000, 200);
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await server.ask();
  await server.close();
  relay.close();
  const expected = await expectedSums(clip);
  const percent = (name) => (((after[name] - before[name]) / seconds) * 100).toFixed(2);
  console.log(
    `${megabits} Mb/s, ${LATENCY_MS} ms latency; the relay dropped ${relay.counts.lost} of ${relay.counts.lost + relay.counts.passed} packets`,
  );
  console.log(`sent     video ${expected.video}, audio ${expected.audio}`);
  console.log(`arrived  video ${after.sums.video}, audio ${after.sums.audio}`);
  const whole = expected.video === after.sums.video && expected.audio === after.sums.audio;
  console.log(whole ? 'nothing lost: frames and their bytes are the same' : 'NOT THE SAME');
  console.log(
    `sent again ${link?.retransmits}, loss ${((link?.lossRatio ?? 0) * 100).toFixed(2)}%, RTT ${link?.rttMs.toFixed(1)} ms`,
  );
  console.log(
    `CPU (counting and hashing included): ${percent('own')}% of a core here, ${percent('child')}% in the listener`,
  );
}

/** Percent of a core per channel, without a relay. */
async function ours(clip, channels, seconds) {
  const server = await startServer(false);
  const publishers = Array.from({ length: channels }, (_, index) => {
    return push(clip, `srt://127.0.0.1:${server.port}?streamid=key-${index}`, '-stream_loop', '-1');
  });
  await until(async () => (await server.ask()).requests === channels, 20_000, 200);
  await sleep(2000);
  const before = await server.ask();
  await sleep(seconds * 1000);
  const after = await server.ask();
  for (const publisher of publishers) publisher.kill('SIGKILL');
  await server.close();
  const per = (name) => ((after[name] - before[name]) / seconds / channels) * 100;
  return { own: per('own'), child: per('child') };
}

/** A process and a port each. */
async function bare(clip, channels, seconds) {
  const ports = Array.from({ length: channels }, (_, index) => 21_400 + index);
  const receivers = ports.map((port) => {
    const address = `srt://127.0.0.1:${port}?mode=listener&latency=200000`;
    return spawn('ffmpeg', ['-v', 'error', '-f', 'mpegts', '-i', address, '-c', 'copy', '-f', 'null', '-'], {
      stdio: 'ignore',
    });
  });
  await sleep(1500);
  const publishers = ports.map((port) => push(clip, `srt://127.0.0.1:${port}`, '-stream_loop', '-1'));
  await sleep(4000);
  const spent = () => receivers.reduce((sum, { pid }) => sum + cpuSeconds(pid).own, 0);
  const before = spent();
  await sleep(seconds * 1000);
  const percent = ((spent() - before) / seconds / channels) * 100;
  for (const child of [...publishers, ...receivers]) child.kill('SIGKILL');
  return percent;
}

async function cost(clip, channels, seconds, rounds) {
  const all = { ours: [], bare: [] };
  for (let round = 1; round <= rounds; round += 1) {
    const { own, child } = await ours(clip, channels, seconds);
    const floor = await bare(clip, channels, seconds);
    all.ours.push(own + child);
    all.bare.push(floor);
    const parts = `${(own + child).toFixed(2)}% of a core per channel (${own.toFixed(2)} here, ${child.toFixed(2)} in the listener)`;
    console.log(`round ${round}: ${parts}; bare ffmpeg ${floor.toFixed(2)}%`);
  }
  console.log(`median per channel: ${median(all.ours).toFixed(2)}%, bare ffmpeg ${median(all.bare).toFixed(2)}%`);
}

async function main([seconds = 60, megabits = 20, rounds = 1]) {
  const folder = mkdtempSync(join(tmpdir(), 'headwater-bench-'));
  console.log(machine());
  try {
    const fast = join(folder, 'fast.ts');
    await makeClip(fast, seconds, megabits);
    await lossy(fast, megabits);
    const ordinary = join(folder, 'ordinary.ts');
    await makeClip(ordinary, 10, 4);
    console.log('4 channels at 4 Mb/s, no loss:');
    await cost(ordinary, 4, 20, rounds);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [mode, what] = process.argv.slice(2);
if (mode === 'serve') await serve(what === 'count');
else await main(process.argv.slice(2).map(Number));
