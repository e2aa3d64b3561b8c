import { describe, expect, it } from 'vitest';
import type { InitSegment } from './cmaf/init-segment.js';
import { liveMediaPlaylist } from './live-media-playlist.js';
import type { LiveRun } from './live-segment.js';
import { LiveWindow } from './live-window.js';
import { RENDITIONS } from './origin.fixture.js';

const OFFSET_SEC = 10;

function makeWindow(
  options: {
    windowSegments?: number;
    memoryBytesMax?: number;
    cutOffGraceMs?: number;
    nextNumber?: number;
    nextDiscontinuity?: number;
  } = {},
) {
  return new LiveWindow({ channel: 'c', windowSegments: 3, memoryBytesMax: 1e9, ...options });
}

function openRun(window: LiveWindow, broadcastId: string, now = 0): LiveRun {
  const run = window.openRun(
    {
      broadcastId,
      startedAt: now,
      timelineOffsetSec: OFFSET_SEC,
      segmentSec: 2,
      partSec: null,
      renditions: RENDITIONS,
    },
    now,
  );
  for (const { id, kind } of RENDITIONS) {
    const init: Partial<InitSegment> = { kind, timescale: 1000, codecs: 'x', bytes: Buffer.alloc(1) };
    window.header(run, id, init as InitSegment);
  }
  return run;
}

/** A rendition's segment in a slot of the grid, numbered and announced. */
function add(window: LiveWindow, run: LiveRun, rendition: string, slot: number, spooled = true): number | null {
  const startSec = OFFSET_SEC + slot * 2;
  window.opened(run, { rendition, slot, startSec });
  const number = window.numberFor(run, slot);
  if (number === null) return null;
  const times = { start: startSec * 1000, duration: 2000, timescale: 1000 };
  const bytes = Buffer.alloc(100);
  window.announce({ number, run, rendition, ...times, size: 100, spooled, gap: false, parts: [], bytes }, 0);
  return number;
}

/** A segment of sound that does not fill its slot. */
function announceSound(
  window: LiveWindow,
  run: LiveRun,
  slot: number,
  times: { start: number; duration: number },
): void {
  const number = window.numberFor(run, slot) ?? Number.NaN;
  const bytes = Buffer.alloc(100);
  const facts = {
    number,
    run,
    rendition: 'audio',
    timescale: 1000,
    size: 100,
    spooled: true,
    gap: false,
    parts: [],
    bytes,
  };
  window.announce({ ...facts, ...times }, 0);
}

function addAll(window: LiveWindow, run: LiveRun, slot: number): void {
  for (const { id } of RENDITIONS) window.opened(run, { rendition: id, slot, startSec: OFFSET_SEC + slot * 2 });
  for (const { id } of RENDITIONS) add(window, run, id, slot);
}

const numbers = (window: LiveWindow, id: string) => window.rendition(id)?.listed.map((segment) => segment.number);

describe('LiveWindow', () => {
  it('gives the same number to the same slot of every rendition, and keeps the last ones', () => {
    const window = makeWindow();
    const run = openRun(window, 'b_1');
    for (const slot of [4, 5, 6, 7]) addAll(window, run, slot);
    for (const { id } of RENDITIONS) expect(numbers(window, id)).toEqual([1, 2, 3]);
    // What has left the playlist is still known, for players that hold the playlist from before.
    expect(window.rendition('v90')?.find('b_1', 0)?.bytes).toBeNull();
  });

  it('goes on with the next number in the next run, wherever that begins', () => {
    const window = makeWindow();
    const first = openRun(window, 'b_1');
    addAll(window, first, 0);
    addAll(window, first, 1);
    const second = openRun(window, 'b_1');
    addAll(window, second, 9);
    expect(second).toMatchObject({ run: 2, place: { firstNumber: 2, discontinuity: 1, zeroMs: 18_000 } });
    expect(numbers(window, 'audio')).toEqual([0, 1, 2]);
  });

  it('fills a slot that one rendition lacks with a gap', () => {
    const window = makeWindow({ windowSegments: 6 });
    const first = openRun(window, 'b_1');
    addAll(window, first, 0);
    // The encoder dies when it has written the next segment of the picture alone.
    add(window, first, 'v180', 1);
    const second = openRun(window, 'b_1');
    addAll(window, second, 3);
    const audio = window.rendition('audio')?.listed ?? [];
    expect(audio.map(({ number, gap, run }) => [number, gap, run.run])).toEqual([
      ...[[0, false, 1] as const, [1, true, 1] as const, [2, false, 2] as const],
    ]);
    expect(audio[1]).toMatchObject({ start: 12_000, duration: 2000 });
    expect(window.rendition('v180')?.listed.some((segment) => segment.gap)).toBe(false);
  });

  it('begins a gap where the segment before it ended, where its run broke off in mid-segment', () => {
    const window = makeWindow({ windowSegments: 6 });
    const first = openRun(window, 'b_1');
    addAll(window, first, 0);
    for (const id of ['v180', 'v90']) for (const slot of [1, 2]) add(window, first, id, slot);
    announceSound(window, first, 1, { start: 12_000, duration: 640 });
    const second = openRun(window, 'b_1');
    addAll(window, second, 4);
    const audio = window.rendition('audio')?.listed ?? [];
    expect(audio.map(({ number, gap, start, duration }) => [number, gap, start, duration])).toEqual([
      [0, false, 10_000, 2000],
      [1, false, 12_000, 640],
      // What is left until the next run lies before its discontinuity.
      [2, true, 12_640, 2000],
      [3, false, 18_000, 2000],
    ]);
  });

  it('drops what one rendition has before the common start of its run', () => {
    const window = makeWindow();
    const run = openRun(window, 'b_1');
    for (const { id } of RENDITIONS.slice(0, 2)) window.opened(run, { rendition: id, slot: 3, startSec: 16 });
    expect(add(window, run, 'v180', 3)).toBe(0);
    expect(add(window, run, 'audio', 2)).toBeNull();
    expect(add(window, run, 'audio', 3)).toBe(0);
  });

  it('carries on into a broadcast that begins within the grace of one that was cut off', () => {
    const before = makeWindow({ windowSegments: 6 });
    const cut = openRun(before, 'b_1');
    addAll(before, cut, 0);
    const window = makeWindow({ cutOffGraceMs: 5000, nextNumber: 1, nextDiscontinuity: 1 });
    const segment = { run: 1, number: 0, start: 10_000, duration: 2000, bytes: 100 };
    window.restore([cut], new Map(RENDITIONS.map(({ id }) => [id, [segment]])), 1000);
    window.endBroadcast('b_1', 1000);
    expect(window.closed(5999)).toBe(false);
    expect(window.closed(6000)).toBe(true);
    addAll(window, openRun(window, 'b_2', 3000), 0);
    expect(window.endedAt).toBeNull();
    const listed = window.rendition('v180')?.listed ?? [];
    expect(listed.map(({ number, run }) => [number, run.broadcastId])).toEqual([
      ...[[0, 'b_1'] as const, [1, 'b_2'] as const],
    ]);
    window.endBroadcast('b_2', 9000);
    expect(window.closed(9000)).toBe(true);
  });

  it('begins with an empty window after an end, and with higher numbers', () => {
    const window = makeWindow();
    addAll(window, openRun(window, 'b_1'), 0);
    window.endBroadcast('b_1', 1000);
    const run = openRun(window, 'b_2', 1001);
    expect(window.renditions).toEqual([]);
    addAll(window, run, 0);
    expect(numbers(window, 'v180')).toEqual([1]);
    expect(run.place?.discontinuity).toBe(1);
  });

  it('ignores the end of a broadcast that is no longer the newest', () => {
    const window = makeWindow();
    addAll(window, openRun(window, 'b_1'), 0);
    openRun(window, 'b_2');
    window.endBroadcast('b_1', 0);
    expect(window.endedAt).toBeNull();
  });

  it('leaves bytes to the spool above its bound, those that the spool has first', () => {
    const window = makeWindow({ memoryBytesMax: 300 });
    const run = openRun(window, 'b_1');
    for (let slot = 0; slot < 3; slot += 1) add(window, run, 'v180', slot, slot !== 0);
    for (let slot = 0; slot < 2; slot += 1) add(window, run, 'v90', slot);
    const held = (id: string) => window.rendition(id)?.known.map((segment) => segment.bytes !== null);
    expect(held('v180')).toEqual([true, false, true]);
    expect([...(held('v180') ?? []), ...(held('v90') ?? [])].filter(Boolean)).toHaveLength(3);
  });

  it('wakes whoever waits for a segment, or lets them go in time', async () => {
    const window = makeWindow();
    const run = openRun(window, 'b_1');
    const signal = new AbortController().signal;
    const first = window.waitFor('v180', { number: 0 }, 5000, signal);
    const never = window.waitFor('v180', { number: 5 }, 10, signal);
    const gone = new AbortController();
    const left = window.waitFor('v180', { number: 5 }, 5000, gone.signal);
    gone.abort();
    addAll(window, run, 0);
    expect(await Promise.all([first, never, left])).toEqual(['there', 'late', 'gone']);
  });
});

it('lists the gap of a run in which a rendition never had a header under a header that there is', () => {
  const window = makeWindow({ windowSegments: 6 });
  const first = openRun(window, 'b_1');
  addAll(window, first, 0);
  const mute = openRun(window, 'b_1');
  const [picture, ...others] = RENDITIONS.map(({ id }) => id);
  for (const id of others) mute.inits.delete(id);
  add(window, mute, picture ?? '', 1);
  addAll(window, openRun(window, 'b_1'), 2);
  const text = liveMediaPlaylist(window, others[0] ?? '', 0) ?? '';
  expect(text).toContain('#EXT-X-GAP');
  expect(text).toContain('init-1.mp4');
  expect(text).toContain('init-3.mp4');
  expect(text).not.toContain('init-2.mp4');
});
