// Whole-process CPU of the live path over the bare ffmpeg command that does the same ladder, both at once, in their second minute.
//   node bench/live.mjs [pairs] [1280x720] [seconds] [--preset NAME]     needs a built tree (npm run build)
// Or: N channels at once that are passed through, for so many minutes, and the box's memory each minute; `--viewers` of low-latency HLS
// follow the first of them, parts and all; `--cache` is the edge's memory for media.
//   node bench/live.mjs --passthrough N [--minutes M] [--preset NAME] [--viewers V] [--cache 16MiB]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { liveCommand } from '../dist/transcode/ffmpeg-command.js';
import { partLength } from '../dist/transcode/part-length.js';
import { presetLadder } from '../dist/transcode/preset-ladder.js';
import { SHIPPED_PRESETS } from '../dist/transcode/presets.js';
import {
  cpuSeconds,
  machine,
  makeClip,
  median,
  residentMiB,
  sleep,
  startBox,
  treeCpuSeconds,
} from './box-under-test.mjs';
import { Audience, playlistOf, readPlaylist } from './ll-hls-viewer.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    passthrough: { type: 'string' },
    minutes: { type: 'string', default: '0.5' },
    preset: { type: 'string' },
    viewers: { type: 'string', default: '0' },
    cache: { type: 'string' },
  },
});
const [pairsGiven = '3', size = '1280x720', secondsGiven = '60'] = positionals;
const pairs = Number(pairsGiven);
const [width, height] = size.split('x').map(Number);
const { preset = 'auto' } = options;
const warmUpMs = 60_000;
// More than enough: the ladder is the source's own.
const pixelsPerSecond = 4_000_000_000;
const settings = [`transcode.pixelsPerSecond=${pixelsPerSecond}`, 'log.level=error'];
if (options.cache !== undefined) settings.push(`edge.memory=${options.cache}`);
const boxSettings = settings.flatMap((setting) => ['--set', setting]);
/** Over and over. */
const atItsPace = (clip) => ['-v', 'error', '-re', '-stream_loop', '-1', '-i', clip, '-c', 'copy'];
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

/** The very command that the box runs, fed with the same clip at the same pace, its fragments thrown away. */
function bareFfmpeg(clip) {
  const ladder = { budget: { pixelsPerSecond }, canPass: false, codecs: new Set() };
  const { video, audio } = presetLadder(facts, SHIPPED_PRESETS[preset], ladder);
  const renditions = [...video, audio];
  const command = liveCommand({
    renditions,
    facts,
    startMs: 0,
    timelineOffsetSec: 10,
    segmentSec: 2,
    part: partLength({ partMs: 200, frameRate: facts.video.frameRate, steady: true }),
    firstOutputFd: 4,
  });
  // Node leaves ignored descriptors past 2 closed, so the outputs are given /dev/null by hand.
  const nowhere = openSync('/dev/null', 'w');
  const stdio = ['pipe', 'ignore', 'inherit', 'ignore', ...renditions.map(() => nowhere)];
  const child = spawn('ffmpeg', ['-hide_banner', '-v', 'error', ...command.args], { stdio });
  closeSync(nowhere);
  const feeder = spawn('ffmpeg', [...atItsPace(clip), '-f', 'matroska', 'pipe:1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  feeder.stdout.pipe(child.stdin).on('error', () => {});
  return {
    rungs: video.map(({ id }) => id),
    cpu: () => cpuSeconds(child.pid).own,
    async stop() {
      feeder.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** One channel of a box. */
async function wholeBox(clip) {
  const box = await startBox([...boxSettings, '--set', `live.preset=${preset}`]);
  const { rtmpUrl } = await box.createChannel('bench');
  const publisher = spawn('ffmpeg', [...atItsPace(clip), '-f', 'flv', rtmpUrl], { stdio: 'ignore' });
  return {
    cpu() {
      const { own } = cpuSeconds(box.pid);
      return { node: own, ffmpeg: treeCpuSeconds(box.pid) - own };
    },
    async stop() {
      publisher.kill('SIGKILL');
      await box.stop();
    },
  };
}

/**
 * Both at the same time, so that what the machine does meanwhile falls on both; measured once all has begun and what runs often has
 * been compiled.
 */
async function sideBySide(clip) {
  const box = await wholeBox(clip);
  const bare = bareFfmpeg(clip);
  try {
    await sleep(warmUpMs);
    const before = { ...box.cpu(), bare: bare.cpu() };
    await sleep(Number(secondsGiven) * 1000);
    const after = { ...box.cpu(), bare: bare.cpu() };
    const spent = (what) => after[what] - before[what];
    return { node: spent('node'), ffmpeg: spent('ffmpeg'), bare: spent('bare'), rungs: bare.rungs };
  } finally {
    await Promise.all([box.stop(), bare.stop()]);
  }
}

const channelName = (index) => `bench-${index}`;

/** Viewers of the first channel. */
async function openAudience(box, count) {
  const playlistPath = await playlistOf(new URL(`/live/${channelName(0)}/index.m3u8`, box.http));
  const { hostname, port } = new URL(box.http);
  const newest = await (await fetch(new URL(playlistPath, box.http))).text();
  const { next } = readPlaylist(newest, playlistPath);
  const audience = new Audience({ host: hostname, port: Number(port), playlistPath, position: next, media: true });
  for (let each = 0; each < count; each += 1) audience.add();
  return audience;
}

/** Publishers that push the clip over and over, each to a channel of its own. */
async function pushChannels(box, clip, count) {
  const publishers = [];
  for (let index = 0; index < count; index += 1) {
    const { rtmpUrl } = await box.createChannel(channelName(index));
    publishers.push(spawn('ffmpeg', [...atItsPace(clip), '-f', 'flv', rtmpUrl], { stdio: 'ignore' }));
    await sleep(300);
  }
  return publishers;
}

/** CPU and memory of a box that passes channels through. */
async function passChannels(clip, count, minutes) {
  const box = await startBox([...boxSettings, '--set', `live.preset=${options.preset ?? 'passthrough'}`]);
  const publishers = await pushChannels(box, clip, count);
  const viewers = Number(options.viewers);
  const audience = viewers > 0 ? await openAudience(box, viewers) : null;
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
        `${(elapsed() / 60).toFixed(1)} min: ${percent.toFixed(2)}% of a core per channel, ${memory} MiB resident${watched(audience)}`,
      );
      audience?.forget();
    }
    if (publishers.some(({ exitCode }) => exitCode !== null)) throw new Error('a publisher did not last');
  } finally {
    audience?.close();
    for (const publisher of publishers) publisher.kill('SIGKILL');
    await box.stop();
  }
}

function watched(audience) {
  if (audience === null) return '';
  const parts = [...audience.parts.values()].reduce((sum, { length }) => sum + length, 0);
  const errors = [...audience.errors].map(([reason, times]) => `${times} × ${reason}`).join(', ');
  return `, ${parts} parts fetched by ${audience.size} viewers, errors: ${errors || 'none'}`;
}

const folder = mkdtempSync(join(tmpdir(), 'headwater-bench-'));
console.log(machine());
if (options.passthrough !== undefined) {
  const clip = await makeClip(folder, { seconds: 30, size, rate: 30, bitrate: '3M' });
  await passChannels(clip, Number(options.passthrough), Number(options.minutes));
  rmSync(folder, { recursive: true, force: true });
  process.exit();
}
const clip = await makeClip(folder, { seconds: 60, size, rate: 30 });
const ratios = [];
const nodes = [];
for (let pair = 1; pair <= pairs; pair += 1) {
  const { node, ffmpeg, bare, rungs } = await sideBySide(clip);
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
