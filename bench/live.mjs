// Whole-process CPU of the live path over the bare ffmpeg command that does the same ladder, in pairs, run by run.
//   node bench/live.mjs [pairs] [1280x720] [seconds]     needs a built tree (npm run build)
// Or: N channels at once that are passed through, for so many minutes, and the box's memory each minute.
//   node bench/live.mjs --passthrough N [--minutes M] [--preset NAME]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { liveCommand } from '../dist/transcode/ffmpeg-command.js';
import { liveLadder } from '../dist/transcode/ladder.js';
import { partLength } from '../dist/transcode/part-length.js';
import {
  cpuSeconds,
  machine,
  makeClip,
  median,
  residentMiB,
  sleep,
  startBox,
  treeCpuSeconds,
  until,
} from './box-under-test.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    passthrough: { type: 'string' },
    minutes: { type: 'string', default: '0.5' },
    preset: { type: 'string', default: 'passthrough' },
  },
});
const [pairsGiven = '3', size = '1280x720', secondsGiven = '60'] = positionals;
const pairs = Number(pairsGiven);
const [width, height] = size.split('x').map(Number);
const clipFacts = { seconds: Number(secondsGiven), size, rate: 30 };
// More than enough: the ladder is the source's own.
const pixelsPerSecond = 4_000_000_000;
const facts = {
  video: {
    codec: 'h264',
    width,
    height,
    rotation: 0,
    sampleAspectRatio: 1,
    frameRate: 30,
    interlaced: false,
    hdr: false,
  },
  audio: { codec: 'aac', sampleRate: 48_000, channels: 1 },
};

/** Reads a child's CPU until it ends; the kernel forgets it then. */
async function cpuUntilExit(child) {
  let cpu = 0;
  const timer = setInterval(() => {
    try {
      cpu = cpuSeconds(child.pid).own;
    } catch {
      clearInterval(timer);
    }
  }, 20);
  await once(child, 'exit');
  clearInterval(timer);
  return cpu;
}

/** The very command that the box runs, fed with the same clip at the same pace, its fragments thrown away. */
async function bareFfmpeg(clip) {
  const { video, audio } = liveLadder(facts, { pixelsPerSecond });
  const renditions = [...video, audio];
  const firstOutputFd = 4;
  const command = liveCommand({
    renditions,
    facts,
    startMs: 0,
    timelineOffsetSec: 10,
    segmentSec: 2,
    part: partLength({ partMs: 200, frameRate: facts.video.frameRate, steady: true }),
    firstOutputFd,
  });
  // Node leaves ignored descriptors past 2 closed, so the outputs are given /dev/null by hand.
  const nowhere = openSync('/dev/null', 'w');
  const stdio = ['pipe', 'ignore', 'inherit', 'ignore', ...renditions.map(() => nowhere)];
  const child = spawn('ffmpeg', ['-hide_banner', '-v', 'error', ...command.args], { stdio });
  const feeder = spawn('ffmpeg', ['-v', 'error', '-re', '-i', clip, '-c', 'copy', '-f', 'matroska', 'pipe:1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  feeder.stdout.pipe(child.stdin).on('error', () => {});
  const cpu = await cpuUntilExit(child);
  feeder.kill('SIGKILL');
  closeSync(nowhere);
  if (child.exitCode !== 0) throw new Error('the bare command failed');
  return { cpu, rungs: video.map(({ id }) => id) };
}

async function wholeBox(clip) {
  // The broadcast ends with its publisher, and no slate is made for it.
  const broadcast = ['--set', 'live.graceSec=0', '--set', 'live.onLoss=hold'];
  const ladder = ['--set', `transcode.pixelsPerSecond=${pixelsPerSecond}`];
  const box = await startBox([...ladder, ...broadcast, '--set', 'log.level=error']);
  try {
    const { rtmpUrl, hlsUrl } = await box.createChannel('bench');
    const before = cpuSeconds(box.pid);
    const publisher = spawn('ffmpeg', ['-v', 'error', '-re', '-i', clip, '-c', 'copy', '-f', 'flv', rtmpUrl], {
      stdio: 'ignore',
    });
    await once(publisher, 'exit');
    const ended = async () => (await (await fetch(new URL('v360.m3u8', hlsUrl))).text()).includes('#EXT-X-ENDLIST');
    // Seldom: the box's answers count as its CPU.
    await until(ended, 30_000, 1000);
    await sleep(500);
    const after = cpuSeconds(box.pid);
    return { node: after.own - before.own, ffmpeg: after.children - before.children };
  } finally {
    await box.stop();
  }
}

/** Publishers that push the clip over and over, each to a channel of its own. */
async function pushChannels(box, clip, count) {
  const publishers = [];
  for (let index = 0; index < count; index += 1) {
    const { rtmpUrl } = await box.createChannel(`bench-${index}`);
    const input = ['-v', 'error', '-re', '-stream_loop', '-1', '-i', clip];
    publishers.push(spawn('ffmpeg', [...input, '-c', 'copy', '-f', 'flv', rtmpUrl], { stdio: 'ignore' }));
    await sleep(300);
  }
  return publishers;
}

/** CPU and memory of a box that passes channels through. */
async function passChannels(clip, count, minutes) {
  const box = await startBox([...boxSettings, '--set', `live.preset=${options.preset}`]);
  const publishers = await pushChannels(box, clip, count);
  try {
    await sleep(15_000);
    const before = treeCpuSeconds(box.pid);
    const startedAt = performance.now();
    const elapsed = () => (performance.now() - startedAt) / 1000;
    console.log(`warm: ${residentMiB(box.pid).toFixed(0)} MiB resident`);
    while (elapsed() < minutes * 60) {
      await sleep(Math.min(60_000, minutes * 60_000));
      const percent = (100 * (treeCpuSeconds(box.pid) - before)) / elapsed() / count;
      const memory = residentMiB(box.pid).toFixed(0);
      console.log(
        `${(elapsed() / 60).toFixed(1)} min: ${percent.toFixed(2)}% of a core per channel, ${memory} MiB resident`,
      );
    }
    if (publishers.some(({ exitCode }) => exitCode !== null)) throw new Error('a publisher did not last');
  } finally {
    for (const publisher of publishers) publisher.kill('SIGKILL');
    await box.stop();
  }
}

const boxSettings = [
  ...[`transcode.pixelsPerSecond=${pixelsPerSecond}`, 'log.level=error', 'srt.listen=null', 'webrtc.listen=null'],
].flatMap((setting) => ['--set', setting]);
const folder = mkdtempSync(join(tmpdir(), 'headwater-bench-'));
console.log(machine());
if (options.passthrough !== undefined) {
  const clip = await makeClip(folder, { seconds: 30, size, rate: 30, bitrate: '3M' });
  await passChannels(clip, Number(options.passthrough), Number(options.minutes));
  rmSync(folder, { recursive: true, force: true });
  process.exit();
}
const clip = await makeClip(folder, clipFacts);
const ratios = [];
const nodes = [];
for (let pair = 1; pair <= pairs; pair += 1) {
  const { cpu: bare, rungs } = await bareFfmpeg(clip);
  const { node, ffmpeg } = await wholeBox(clip);
  ratios.push((node + ffmpeg) / bare);
  nodes.push(node / bare);
  const figures = `box ${(node + ffmpeg).toFixed(2)} s CPU (its ffmpeg ${ffmpeg.toFixed(2)}, the rest ${node.toFixed(2)})`;
  console.log(
    `pair ${pair}: ${figures}, bare ffmpeg ${bare.toFixed(2)} s (${rungs.join(' ')}): ${ratios.at(-1).toFixed(3)}`,
  );
}
rmSync(folder, { recursive: true, force: true });
console.log(`live path over bare ffmpeg, CPU, median of ${pairs}: ${median(ratios).toFixed(3)} (aim ≤ 1.05)`);
console.log(`what is not ffmpeg in it, over bare ffmpeg, median: ${median(nodes).toFixed(3)}`);
