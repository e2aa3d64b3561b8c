import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Frame } from '../media/frame.js';
import type { SourceFacts } from '../media/source-facts.js';
import { silentLog } from '../telemetry/log.js';
import { LiveWriter } from './matroska/live-writer.js';
import { opusPacketSamples } from './opus-config.js';
import { readSlate, type Slate } from './slate.js';
import { SlateLoop } from './slate-loop.js';
import { SlateShelf } from './slate-shelf.js';
import { recordSlate } from './stage.fixture.js';

const facts: SourceFacts = {
  video: {
    codec: 'h264',
    ...{ width: 160, height: 90, rotation: 0, sampleAspectRatio: 1, frameRate: 25, interlaced: false, hdr: false },
  },
  audio: { codec: 'aac', sampleRate: 48_000, channels: 1 },
};
let bytes: Buffer;

beforeAll(async () => {
  bytes = await recordSlate(facts);
});

function slate(): Slate {
  const read = readSlate(bytes, facts);
  if (read === null) throw new Error('no slate');
  return read;
}

function played(loop: SlateLoop, untilMs: number): Frame[] {
  const frames: Frame[] = [];
  loop.play(untilMs, (frame) => frames.push(frame));
  return frames;
}

/** What ffmpeg hears in a feed: its complaints, and the loudest sample in dB. */
async function heard(feed: Buffer): Promise<{ errors: string; peak: number }> {
  const measure = ['-map', '0:a', '-af', 'volumedetect', '-f', 'null', '-'];
  const child = spawn('ffmpeg', ['-nostdin', '-loglevel', 'level+info', '-f', 'matroska', '-i', 'pipe:0', ...measure]);
  child.stdin.end(feed);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await once(child, 'close');
  const errors = said.split('\n').filter((line) => /\[(warning|error|fatal)\]/.test(line));
  return { errors: errors.join('\n'), peak: Number(/max_volume: (-?[\d.]+|-inf) dB/.exec(said)?.[1] ?? 0) };
}

const steps = (times: readonly number[]) => times.slice(1).map((time, index) => time - (times[index] ?? 0));

describe('a slate', () => {
  it('says what it is made of', () => {
    const { facts: read } = slate().tracks;
    expect(read.video).toMatchObject({ codec: 'h264', width: 160, height: 90, frameRate: 25, keyIntervalMs: 1000 });
    expect(read.audio).toMatchObject({ codec: 'aac', sampleRate: 48_000, channels: 1 });
  });

  it('repeats without a seam, each track by its own length', () => {
    const loop = new SlateLoop(slate(), 5000);
    const frames = Array.from({ length: 100 }, (_, index) => played(loop, 5000 + index * 100)).flat();
    const video = frames.filter(({ track }) => track === 'video').map(({ dts }) => dts);
    const audio = frames.filter(({ track }) => track === 'audio').map(({ dts }) => dts);
    expect(video[0]).toBe(5000);
    expect(new Set(steps(video))).toEqual(new Set([40]));
    expect(video.at(-1)).toBeGreaterThan(14_800);
    expect(Math.max(...steps(audio))).toBeLessThanOrEqual(23);
    expect(Math.min(...steps(audio))).toBeGreaterThanOrEqual(20);
    expect(frames.map(({ dts }) => dts)).toEqual(frames.map(({ dts }) => dts).sort((a, b) => a - b));
  });

  it('begins anew where it was left alone for long', () => {
    const loop = new SlateLoop(slate(), 0);
    played(loop, 1000);
    const frames = played(loop, 600_000);
    expect(frames.length).toBeLessThan(5);
    expect(frames[0]).toMatchObject({ dts: 600_000, key: true });
  });

  it.each([1, 2])('for a source of Opus (%i channels) is silent in Opus', async (channels) => {
    const audio = { codec: 'opus', sampleRate: 48_000, channels } as const;
    const read = readSlate(bytes, { ...facts, audio });
    if (read === null) throw new Error('no slate');
    expect(read.tracks.facts.audio).toEqual(audio);
    const all = played(new SlateLoop(read, 5000), 6000);
    const sound = all.filter(({ track }) => track === 'audio');
    expect(sound[0]?.dts).toBe(5000);
    expect(new Set(steps(sound.map(({ dts }) => dts)))).toEqual(new Set([20]));
    expect(new Set(sound.map(({ data }) => opusPacketSamples(data)))).toEqual(new Set([960]));
    const writer = new LiveWriter(read.tracks.configs, read.tracks.facts);
    const feed = [writer.header(), ...all.map((frame) => Buffer.concat(writer.block(frame, null)))];
    const { errors, peak } = await heard(Buffer.concat(feed));
    expect(errors).toBe('');
    expect(peak).toBeLessThan(-80);
  });

  it('is not made of bytes that are none', () => {
    expect(readSlate(Buffer.alloc(2000, 0x47), facts)).toBeNull();
    expect(readSlate(Buffer.alloc(0), facts)).toBeNull();
  });
});

describe('the shelf', () => {
  const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

  it('has each shape made once, while nobody waits', async () => {
    const asked: SourceFacts[] = [];
    const make = async (of: SourceFacts) => {
      asked.push(of);
      return bytes;
    };
    const shelf = new SlateShelf({ make }, silentLog, () => 0);
    expect(shelf.for(facts)).toBeNull();
    await settle();
    expect(shelf.for(facts)).not.toBeNull();
    expect(asked).toHaveLength(1);
  });

  it('asks again after a while for what could not be made', async () => {
    let [now, asked] = [0, 0];
    const make = async () => {
      asked += 1;
      if (asked === 1) throw new Error('no ffmpeg');
      return asked === 2 ? null : bytes;
    };
    const shelf = new SlateShelf({ make }, silentLog, () => now);
    for (now of [0, 1000, 61_000, 62_000, 130_000]) {
      shelf.for(facts);
      await settle();
    }
    expect(asked).toBe(3);
    expect(shelf.for(facts)).not.toBeNull();
  });

  it('keeps a bounded number of shapes', async () => {
    let asked = 0;
    const make = async () => {
      asked += 1;
      return bytes;
    };
    const shelf = new SlateShelf({ make }, silentLog, () => 0);
    const shapes = Array.from({ length: 20 }, (_, index) => ({
      ...facts,
      audio: { codec: 'aac', sampleRate: 8000 + index, channels: 1 },
    }));
    for (const shape of shapes) {
      shelf.for(shape);
      await settle();
    }
    for (const shape of shapes.slice(-8)) expect(shelf.for(shape)).not.toBeNull();
    expect(asked).toBe(20);
    expect(shelf.for(shapes[0] ?? facts)).toBeNull();
  });
});
