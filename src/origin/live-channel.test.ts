import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { runLadder, TIMELINE_OFFSET_SEC } from './cmaf/ffmpeg-live.fixture.js';
import type { RunSink, RunStart } from './live-channel.js';
import { mediaPlaylistAt, RENDITIONS, type ServedOrigin, serveOrigin, until } from './origin.fixture.js';

const BROADCAST = 'b_0123456789abcdef';
const IDS = ['v180', 'v90', 'audio'] as const;
const AAC_FRAME_SEC = 1024 / 48_000;

const served: ServedOrigin[] = [];
afterEach(() => Promise.all(served.splice(0).map((origin) => origin.close())));

async function origin(options: { lowLatency?: boolean } = {}) {
  const made = await serveOrigin(options);
  served.push(made);
  return made;
}

const grid = { cut: 'grid', segmentSec: 2, keyIntervalSec: 0, partSec: 0.2 } as const;
const keys = { cut: 'keys', segmentSec: 2, keyIntervalSec: 2, partSec: 0.2 } as const;

/** A run whose bytes have all been taken; it is still open. */
async function openRun(
  { origin: box }: ServedOrigin,
  cut: Pick<RunStart, 'cut' | 'segmentSec' | 'keyIntervalSec' | 'partSec'>,
  ladder: { seconds: number; startSec?: number },
): Promise<RunSink> {
  const facts = { channel: 'c', broadcastId: BROADCAST, startedAt: 1_700_000_000_000, renditions: RENDITIONS };
  const sink = box.fragments.openRun({ ...facts, ...cut, timelineOffsetSec: TIMELINE_OFFSET_SEC });
  const { pipes, done } = runLadder(ladder);
  await Promise.all(IDS.map((id) => pipeline(pipes[id], sink.rendition(id), { end: false })));
  await done;
  return sink;
}

const playlist = async ({ url }: ServedOrigin, id: string, segments: number) =>
  until(async () => {
    const found = await mediaPlaylistAt(`${url}/live/c/${id}.m3u8`);
    return found.segments.length >= segments && found;
  });

const near = (values: readonly number[], within = 0.003) =>
  values.map((value) => expect.closeTo(value, -Math.log10(2 * within)));

describe('a run that was cut off, of whose open segments nobody was told', () => {
  it('leaves them to the next one, which begins earlier and repeats nothing', async () => {
    const box = await origin({ lowLatency: false });
    const first = await openRun(box, grid, { seconds: 5 });
    expect(first.abandon()).toBe(4_000);
    const second = await openRun(box, grid, { seconds: 5, startSec: 3 });
    second.end();
    for (const id of IDS) {
      const { segments, mediaSequenceBase, endlist } = await playlist(box, id, 4);
      expect(mediaSequenceBase).toBe(0);
      expect(endlist).toBe(false);
      expect(segments.map(({ discontinuity }) => discontinuity ?? false)).toEqual([false, false, true, false]);
      expect(segments.map(({ duration }) => duration)).toEqual(near([2, 2, 2, 2], 2 * AAC_FRAME_SEC));
      const starts = segments.map(({ programDateTime }) => (Number(programDateTime) - 1_700_000_000_000) / 1000);
      expect(starts).toEqual(near([0, 2, 4, 6], 2 * AAC_FRAME_SEC));
    }
  });

  it('before its first segment leaves everything', async () => {
    const box = await origin({ lowLatency: false });
    const first = await openRun(box, grid, { seconds: 1 });
    expect(first.abandon()).toBeNull();
    const second = await openRun(box, grid, { seconds: 3 });
    second.end();
    const { segments } = await playlist(box, 'v180', 2);
    expect(segments.map(({ duration }) => duration)).toEqual(near([2, 1]));
  });
});

describe("a run that is cut at the source's keys", () => {
  it('is cut at the same places in every rendition', async () => {
    const box = await origin();
    // Keys at 1.32, 2, 4, 6.
    const run = await openRun(box, keys, { seconds: 5, startSec: 1.32 });
    run.end();
    const [high, low, sound] = await Promise.all(IDS.map((id) => playlist(box, id, 4)));
    expect(high?.targetDuration).toBe(2);
    expect(high?.segments.map(({ duration }) => duration)).toEqual(near([0.68, 2, 2, 0.32]));
    expect(low?.segments.map(({ duration }) => duration)).toEqual(high?.segments.map(({ duration }) => duration));
    const starts = (of: typeof high) => of?.segments.map(({ programDateTime }) => Number(programDateTime)) ?? [];
    for (const [index, start] of starts(sound).entries()) {
      expect(Math.abs(start - (starts(high)[index] ?? 0))).toBeLessThanOrEqual(1000 * AAC_FRAME_SEC + 1);
    }
  });

  it('goes on after it was cut off, from the last key that became a line', async () => {
    const box = await origin({ lowLatency: false });
    const first = await openRun(box, keys, { seconds: 4, startSec: 1.32 });
    expect(first.abandon()).toBe(4_000);
    const second = await openRun(box, keys, { seconds: 5, startSec: 2 });
    second.end();
    const { segments } = await playlist(box, 'v180', 4);
    expect(segments.map(({ duration }) => duration)).toEqual(near([0.68, 2, 2, 1]));
  });

  it('fails where keys stay away for longer than the target duration', async () => {
    const box = await origin();
    const facts = { channel: 'c', broadcastId: BROADCAST, startedAt: 0, renditions: RENDITIONS };
    const cut = { cut: 'keys', segmentSec: 1, keyIntervalSec: 1, partSec: 0.2 } as const;
    const sink = box.origin.fragments.openRun({ ...facts, ...cut, timelineOffsetSec: TIMELINE_OFFSET_SEC });
    const { pipes, process: ffmpeg, done } = runLadder({ seconds: 4 });
    const leader = sink.rendition('v180');
    const failed = once(leader, 'error');
    pipes.v180.pipe(leader);
    pipes.v90.resume();
    pipes.audio.resume();
    expect((await failed)[0]).toMatchObject({ code: 'origin.segment-too-long' });
    ffmpeg.kill('SIGKILL');
    await done.catch(() => {});
  });
});
