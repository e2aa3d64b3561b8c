import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import type { LiveRun, LiveSegment } from './live-segment.js';
import { RENDITIONS } from './origin.fixture.js';
import { indexJournal } from './recording/journal-index.js';
import { openSpool, type Spool } from './spool.js';

/** What stays in a spool that somebody follows into a store. */
const BROADCAST = 'b_0000000000000001';
const HOUR_MS = 3_600_000;
let now = 1_700_000_000_000;
let storedTo = 0;
let indexedFrom = 0;
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function followedSpool(bytesMax = 1e9): Promise<Spool> {
  const folder = await mkdtemp(join(tmpdir(), 'retention-'));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const retention = { ageMaxMs: 24 * HOUR_MS, bytesMax, storedAgeMaxMs: HOUR_MS };
  const spool = await openSpool({
    folder,
    retention,
    tailLength: 4,
    log: silentLog,
    metrics: new Metrics(),
    now: () => now,
  });
  closers.push(() => spool.close());
  spool.follower = {
    hasStored: (_broadcast, _rendition, number) => number < storedTo,
    isIndexed: (_broadcast, _rendition, number) => number >= indexedFrom,
  };
  return spool;
}

/** Eight segments of a thousand bytes, ten minutes apart. */
async function filled(spool: Spool) {
  const shelf = spool.shelf({ broadcastId: BROADCAST, channel: 'c', startedAt: now });
  for (let number = 0; number < 8; number += 1) {
    await shelf.store(aSegment(number), Buffer.alloc(1000));
    now += HOUR_MS / 6;
  }
  return shelf;
}

const left = async (spool: Spool) => {
  const names = await readdir(join(spool.pathOf(`${BROADCAST}/v180`)));
  return names
    .flatMap((name) => /^(\d+)\.m4s$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort();
};
const indexed = async (spool: Spool) => {
  const found = await indexJournal({ broadcastId: BROADCAST, channel: 'c' }, spool.journal(BROADCAST));
  const segments = found?.index.runs[0]?.tracks.get('v180')?.segments;
  return segments === undefined ? [] : [segments.first, segments.next];
};

it('what the store has leaves after a while, and its journal still tells of it for as long as it may be asked for', async () => {
  const spool = await followedSpool();
  const shelf = await filled(spool);
  [storedTo, indexedFrom] = [2, 0];
  await spool.sweep();
  expect(await left(spool)).toEqual([2, 3, 4, 5, 6, 7]);
  expect(await indexed(spool)).toEqual([0, 8]);
  expect(shelf.bytes).toBe(6 * 1000 + 'header'.length);
  [storedTo, indexedFrom] = [8, 5];
  now += HOUR_MS / 2 + 1;
  await spool.sweep();
  expect(await left(spool)).toEqual([6, 7]);
  expect(await indexed(spool)).toEqual([5, 8]);
});

it('what the store does not have stays until the bounds force it out, and the journal of what is not recorded with it', async () => {
  const spool = await followedSpool(5_000);
  [storedTo, indexedFrom] = [0, 0];
  const shelf = await filled(spool);
  await shelf.end(now);
  await spool.sweep();
  expect((await left(spool)).at(0)).toBe(4);
  expect(await indexed(spool)).toEqual([0, 8]);
  now += 2 * HOUR_MS;
  await spool.sweep();
  expect((await left(spool)).at(-1)).toBe(7);
  await spool.markRecorded(BROADCAST);
  await spool.sweep();
  expect(spool.shelves).toEqual([]);
});

function aSegment(number: number): LiveSegment {
  const facts = {
    kind: 'video',
    timescale: 90_000,
    codecs: 'avc1.42c01e',
    width: 320,
    height: 180,
    sampleRate: 0,
  } as const;
  const run: LiveRun = {
    ...{ broadcastId: BROADCAST, run: 1, startedAt: 0, timelineOffsetSec: 10, segmentSec: 2, partSec: 0.2 },
    renditions: RENDITIONS,
    inits: new Map([['v180', { ...facts, bytes: Buffer.from('header') }]]),
    place: { base: 0, firstNumber: 0, discontinuity: 0, zeroMs: 0 },
  };
  const times = { start: (10 + number * 2) * 90_000, duration: 180_000, timescale: 90_000 };
  return { number, run, rendition: 'v180', ...times, size: 1000, spooled: false, gap: false, parts: [], bytes: null };
}
