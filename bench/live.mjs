// Whole-process CPU of the live path over the bare ffmpeg command that does the same ladder, in pairs, run by run.
//   node bench/live.mjs [pairs] [1280x720] [seconds]     needs a built tree (npm run build)
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { liveCommand } from '../dist/transcode/ffmpeg-command.js';
import { liveLadder } from '../dist/transcode/ladder.js';
import { cpuSeconds, machine, makeClip, median, sleep, startBox, until } from './box-under-test.mjs';

const [pairsGiven = '3', size = '1280x720', secondsGiven = '20'] = process.argv.slice(2);
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
    encoder: 'libx264',
    startMs: 0,
    timelineOffsetSec: 10,
    segmentSec: 2,
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
  const box = await startBox(['--set', `transcode.pixelsPerSecond=${pixelsPerSecond}`, '--set', 'log.level=error']);
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

const folder = mkdtempSync(join(tmpdir(), 'headwater-bench-'));
console.log(machine());
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
console.log(`live path over bare ffmpeg, CPU, median of ${pairs}: ${median(ratios).toFixed(3)} (aim ≤ 1.08)`);
console.log(`what is not ffmpeg in it, over bare ffmpeg, median: ${median(nodes).toFixed(3)}`);
