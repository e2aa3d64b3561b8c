import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { EncodeSpeed, type SpeedMeasuring } from './encode-speed.js';

let folder: string;
let [load, now, figure, measured, version] = [0, 0, 0, 0, ''];
const stopping = new AbortController();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-speed-'));
  [load, now, figure, measured, version] = [0, 1e12, 100e6, 0, '5.1'];
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = () => join(folder, 'encode-speed.json');
/** A start of the box. */
const start = (setting: number | null = null) =>
  new EncodeSpeed({ file: file(), setting, load: () => load, now: () => now });
const measuring = (signal = stopping.signal): SpeedMeasuring => ({
  measure: async () => {
    measured += 1;
    return figure;
  },
  ffmpegVersion: async () => version,
  log: silentLog,
  signal,
});

async function startAndLearn(): Promise<number> {
  const speed = start();
  await speed.learn(measuring());
  return speed.pixelsPerSecond;
}

it('is measured at rest once, and again after a week or with another ffmpeg', async () => {
  expect(await startAndLearn()).toBe(100e6);
  figure = 80e6;
  expect(await startAndLearn()).toBe(100e6);
  expect(measured).toBe(1);
  now += 8 * 24 * 3_600_000;
  expect(await startAndLearn()).toBe(80e6);
  [version, figure] = ['7.1', 60e6];
  expect(await startAndLearn()).toBe(60e6);
  expect(measured).toBe(3);
});

it('of a busy box is the best of several starts, until one is quiet', async () => {
  load = 2;
  for (const [made, known] of [
    [30e6, 30e6],
    [20e6, 30e6],
    [50e6, 50e6],
  ] as const) {
    figure = made;
    expect(await startAndLearn()).toBe(known);
  }
  [load, figure] = [0, 45e6];
  expect(await startAndLearn()).toBe(45e6);
  expect(JSON.parse(readFileSync(file(), 'utf8'))).toMatchObject({ pixelsPerSecond: 45e6, atRest: true });
});

it('of a box that was busy is measured when it has come to rest, without a new start', async () => {
  load = 2;
  figure = 30e6;
  const speed = start();
  await speed.learn(measuring());
  expect(speed.pixelsPerSecond).toBe(30e6);
  const learning = speed.keepLearning(measuring(), 5);
  await new Promise((resolve) => setTimeout(resolve, 40));
  expect(measured).toBe(1);
  [load, figure] = [0, 90e6];
  await learning;
  expect(speed.pixelsPerSecond).toBe(90e6);
  expect(measured).toBe(2);
});

it('is no longer tried once the box stops, nor where a setting says it', async () => {
  const stop = new AbortController();
  load = 2;
  const learning = start().keepLearning(measuring(stop.signal));
  stop.abort();
  await learning;
  await start(7).learn(measuring());
  await start(7).keepLearning(measuring());
  expect(measured).toBe(0);
  expect(start(7).pixelsPerSecond).toBe(7);
});

it('takes the figure that an earlier version kept, and measures again', async () => {
  writeFileSync(file(), '{"pixelsPerSecond":42}');
  expect(start().pixelsPerSecond).toBe(42);
  expect(await startAndLearn()).toBe(100e6);
  writeFileSync(file(), '{"pixelsPerSecond":-1}');
  expect(start().pixelsPerSecond).toBe(EncodeSpeed.assumed);
});
