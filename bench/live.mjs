// Whole-process CPU of the live path over the bare ffmpeg command that does the same ladder, in pairs, run by run.
//   node bench/live.mjs [pairs]     needs a built tree (npm run build)
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { liveCommand } from '../dist/transcode/ffmpeg-command.js';
import { liveLadder } from '../dist/transcode/ladder.js';
import { cpuSeconds, machine, makeClip, median, sleep, startBox, until } from './box-under-test.mjs';

const pairs = Number(process.argv[2] ?? 3);
const clipFacts = { seconds: 20, size: '1280x720', rate: 30 };
const pixelsPerSecond = 400_000_000;
const facts = {
  video: {
    codec: 'h264',
    width: 1280,
    height: 720,
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
      cpu = cpuSeconds(child.pid);
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
  const stdio = ['pipe', 'ignore', 'ignore', 'ignore', ...renditions.map(() => 'ignore')];
  const child = spawn('ffmpeg', ['-hide_banner', '-v', 'error', ...command.args], { stdio });
  const feeder = spawn('ffmpeg', ['-v', 'error', '-re', '-i', clip, '-c', 'copy', '-f', 'matroska', 'pipe:1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  feeder.stdout.pipe(child.stdin);
  return { cpu: await cpuUntilExit(child), rungs: video.map(({ id }) => id) };
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
    await until(ended, 30_000);
    await sleep(500);
    return cpuSeconds(box.pid) - before;
  } finally {
    await box.stop();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'headwater-bench-'));
console.log(machine());
const clip = await makeClip(folder, clipFacts);
const ratios = [];
for (let pair = 1; pair <= pairs; pair += 1) {
  const { cpu: bare, rungs } = await bareFfmpeg(clip);
  const box = await wholeBox(clip);
  ratios.push(box / bare);
  console.log(
    `pair ${pair}: box ${box.toFixed(2)} s, bare ffmpeg ${bare.toFixed(2)} s CPU (${rungs.join(' ')}): ${(box / bare).toFixed(3)}`,
  );
}
rmSync(folder, { recursive: true, force: true });
console.log(`live path over bare ffmpeg, CPU, median of ${pairs}: ${median(ratios).toFixed(3)} (aim ≤ 1.08)`);
