// Simulated low-latency HLS viewers of one channel through the edge, all on this machine: how long after a part exists its playlist
// has reached them.
//   node bench/viewers.mjs [--viewers 2000] [--part-ms 500] [--seconds 30] [--media none|part] [--bitrate 1M] [--find-limit]
//                          [--profile FOLDER]     needs a built tree (npm run build)
// A viewer follows one rendition (the picture's) by blocking reloads over a connection of its own; with --media part it fetches each
// part too, over a second one. --find-limit begins with a quarter of them and adds half as many in each step, until p99 is over the
// aim or something fails, twice. --profile has the box write a CPU profile into the folder. The source is recorded and passed
// through: nothing is encoded.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cpuSeconds, machine, makeClip, percentile, sleep, startBox, until } from './box-under-test.mjs';
import { Audience, nowMs, playlistOf } from './ll-hls-viewer.mjs';

const { values: options } = parseArgs({
  options: {
    viewers: { type: 'string', default: '2000' },
    'part-ms': { type: 'string', default: '500' },
    seconds: { type: 'string', default: '30' },
    media: { type: 'string', default: 'none' },
    bitrate: { type: 'string', default: '1M' },
    'find-limit': { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
});
const aimMs = 50;
const settleMs = 5000;
/** Viewers who come at once, and the pause behind them. */
const arriving = { count: 50, everyMs: 50 };
/** Viewers beyond which the search ends, whatever the figures. */
const viewersMax = 32_000;
/** From one step of the search to the next. */
const growth = 1.5;
const withMedia = options.media === 'part';

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** How many viewers the file descriptors of one process suffice for; the box needs as many as they. */
function viewersPossible() {
  const limit = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))[1]);
  return Math.floor((limit - 200) / (withMedia ? 2 : 1));
}

/** When which part came to exist, in order: `last` is the newest position, `at` its time. */
async function openWitness(port, playlistPath) {
  const program = fileURLToPath(new URL('part-witness.mjs', import.meta.url));
  const child = fork(program, ['127.0.0.1', String(port), playlistPath]);
  const seen = [];
  child.on('message', (message) => seen.push(message));
  await until(() => seen.length > 1 || child.exitCode !== null, 10_000);
  return { seen, stop: () => child.kill('SIGKILL') };
}

/** When the position came to exist, or null where nobody saw. */
function bornAt(seen, position) {
  const index = seen.findIndex(({ last }) => last >= position);
  // The first thing that the witness saw had been there for a while.
  return index > 0 ? seen[index].at : null;
}

/** Of all that came to exist since: how late each answer was; per position and over all. */
function lateness(times, seen, sinceMs) {
  const positions = [];
  for (const [position, arrivals] of times) {
    const born = bornAt(seen, position);
    if (born === null || born < sinceMs) continue;
    positions.push(arrivals.map((at) => at - born));
  }
  return { positions, all: positions.flat() };
}

const ms = (value) => value.toFixed(1);

function say(what, { positions, all }) {
  if (all.length === 0) return console.log(`${what}: nothing came`);
  const [p50, p95, p99] = [50, 95, 99].map((percent) => percentile(all, percent));
  const ofParts = positions.map((each) => percentile(each, 99));
  console.log(
    `${what}: p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}, at most ${ms(percentile(all, 100))} ms (${all.length} answers)`,
  );
  console.log(
    `  p99 of a single part: median ${ms(percentile(ofParts, 50))}, worst ${ms(percentile(ofParts, 100))} ms of ${positions.length} parts`,
  );
  return p99;
}

/** One step of figures with the viewers that there are. */
async function measure(scene, seconds) {
  const { audience, box, witness } = scene;
  await sleep(settleMs);
  audience.forget();
  const startedMs = nowMs();
  const cpu = { box: cpuSeconds(box.pid).own, own: process.cpuUsage(), loop: performance.eventLoopUtilization() };
  await sleep(seconds * 1000);
  const spentSec = (nowMs() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(cpu.own);
  const shares = {
    box: (100 * (cpuSeconds(box.pid).own - cpu.box)) / spentSec,
    generator: (user + system) / 1e4 / spentSec,
    loop: 100 * performance.eventLoopUtilization(cpu.loop).utilization,
  };
  console.log(
    `${audience.size} viewers, ${options['part-ms']} ms parts, ${withMedia ? 'with' : 'without'} their bytes, load ${loadavg()[0].toFixed(1)}:`,
  );
  const p99 = say('playlist after its part exists', lateness(audience.answers, witness.seen, startedMs));
  if (withMedia) say('part after it exists', lateness(audience.parts, witness.seen, startedMs));
  console.log(
    `  CPU of a core: box ${shares.box.toFixed(0)}%, generator ${shares.generator.toFixed(0)}% (its loop busy ${shares.loop.toFixed(0)}%)`,
  );
  const errors = [...audience.errors].map(([reason, count]) => `${count} × ${reason}`).join(', ');
  console.log(`  errors: ${errors || 'none'}`);
  return { p99: p99 ?? Number.POSITIVE_INFINITY, errors, shares };
}

async function gather(audience, count) {
  while (audience.size < count) {
    const batch = Math.min(arriving.count, count - audience.size);
    for (let each = 0; each < batch; each += 1) audience.add();
    await sleep(arriving.everyMs);
  }
}

/** From a quarter of the viewers upwards. What one noisy moment broke is measured once more. */
async function findLimit(scene, possible, seconds) {
  let held = 0;
  for (let count = Math.ceil(Number(options.viewers) / 4); ; count = Math.ceil(count * growth)) {
    if (count > Math.min(possible, viewersMax)) return console.log(`${held} were no limit; more do not fit here`);
    await gather(scene.audience, count);
    const first = await measure(scene, seconds);
    const result = holds(first) ? first : await measure(scene, seconds);
    if (!holds(result)) return console.log(`limit: ${held} held, ${count} not: ${whatBroke(result)}`);
    held = count;
  }
}

const holds = ({ p99, errors }) => p99 <= aimMs && errors === '';

function whatBroke({ p99, errors, shares }) {
  if (errors !== '') return errors;
  const busy = shares.loop > 90 ? 'the generator had no time left' : 'neither loop was full: the cores were';
  return `p99 ${ms(p99)} ms; ${shares.box > 90 ? "the box's one thread was full" : busy}`;
}

/** A channel that passes the clip through over and over, and who watches the watchers. */
async function openScene(folder) {
  const clip = await makeClip(folder, { seconds: 30, size: '640x360', rate: 30, bitrate: options.bitrate });
  const port = await freePort();
  const settings = [
    ...['live.preset=passthrough', `live.partMs=${options['part-ms']}`, `origin.listen=127.0.0.1:${port}`],
    ...['log.level=error', 'transcode.pixelsPerSecond=100000000'],
  ];
  const profiling = options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`];
  const args = settings.flatMap((setting) => ['--set', setting]);
  const box = await startBox(args, profiling);
  const { rtmpUrl, hlsUrl } = await box.createChannel('bench');
  const input = ['-v', 'error', '-re', '-stream_loop', '-1', '-i', clip];
  const publisher = spawn('ffmpeg', [...input, '-c', 'copy', '-f', 'flv', rtmpUrl], { stdio: 'ignore' });
  const close = async () => {
    publisher.kill('SIGKILL');
    await box.stop();
  };
  try {
    const playlistPath = await playlistOf(new URL(new URL(hlsUrl).pathname, box.http));
    const witness = await openWitness(port, playlistPath);
    const { hostname, port: door } = new URL(box.http);
    const { next } = witness.seen.at(-1);
    const audience = new Audience({
      host: hostname,
      port: Number(door),
      playlistPath,
      position: next,
      media: withMedia,
    });
    return { box, publisher, witness, audience, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const folder = mkdtempSync(join(tmpdir(), 'headwater-bench-'));
console.log(machine());
const possible = viewersPossible();
const scene = await openScene(folder);
try {
  if (options['find-limit']) await findLimit(scene, possible, Number(options.seconds));
  else {
    const count = Math.min(Number(options.viewers), possible);
    if (count < Number(options.viewers))
      console.log(`only ${count} viewers fit into the open files allowed (ulimit -n)`);
    await gather(scene.audience, count);
    await measure(scene, Number(options.seconds));
  }
  if (scene.publisher.exitCode !== null) throw new Error('the publisher did not last');
} finally {
  scene.audience.close();
  scene.witness.stop();
  await scene.close();
  rmSync(folder, { recursive: true, force: true });
}
console.log(`aim: p99 ≤ ${aimMs} ms with 2,000 viewers, at 500 ms and at 200 ms parts`);
process.exit();
