import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { types } from 'hls-parser';
import { afterEach, describe, expect, it } from 'vitest';
import { BROADCAST, endOf, GRID, IDS, lowLatencyAt, nameOf, SteppedRun } from '../low-latency.fixture.js';
import { mediaPlaylistAt, type ServedOrigin, serveOrigin, textAt, until } from '../origin.fixture.js';
import { FolderStore } from './folder-store.fixture.js';
import type { FinishedRecording } from './recording-store.js';

/** A box is killed while parts of a segment have been told and the segment has no end: its disk is all that is left. */
const closers: (() => Promise<unknown>)[] = [];
const SECOND = { ...GRID, broadcastId: 'b_fedcba9876543210', startedAt: 1_700_000_009_000 };

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Stage {
  readonly box: ServedOrigin;
  readonly archived: FinishedRecording[];
}

async function open(folder: string, name: string, cutOffGraceMs: number): Promise<Stage> {
  const archived: FinishedRecording[] = [];
  const box = await serveOrigin({
    ...{ windowSegments: 8, cutOffGraceMs, spoolDir: join(folder, name) },
    recording: {
      store: new FolderStore(join(folder, `${name}-store`)),
      catalog: {
        policyOf: async () => ({ dvrSec: 7200, archive: true }),
        archived: async (finished) => {
          archived.push(finished);
          return { videoId: 'v_0123456789abcdef' };
        },
      },
      onArchived: () => undefined,
    },
  });
  closers.push(() => box.close());
  return { box, archived };
}

const url = ({ url }: ServedOrigin, shape: string, id = 'v180') => `${url}/live/c/${shape}${id}.m3u8`;
const numbered = ({ segments, mediaSequenceBase = 0 }: types.MediaPlaylist) =>
  segments.map(({ uri, gap, parts }, at) => ({
    number: mediaSequenceBase + at,
    uris: [uri, ...parts.map((part) => part.uri)].filter((each) => each !== ''),
    gap: gap ?? false,
  }));

/** Seven seconds of one broadcast, then a kill: three whole segments, and parts of number 3. */
async function killed(cutOffGraceMs: number): Promise<{ before: types.MediaPlaylist; after: Stage }> {
  const folder = await mkdtemp(join(tmpdir(), 'killed-box-'));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const { box } = await open(folder, 'before', cutOffGraceMs);
  const run = await SteppedRun.open(box, { seconds: 9 });
  await run.give(34);
  await until(async () => {
    const ends = await Promise.all(IDS.map(async (id) => endOf(await lowLatencyAt(url(box, '', id)))));
    return ends.every((end) => end.startsWith('3.'));
  });
  const before = await lowLatencyAt(url(box, ''));
  await cp(box.spoolDir, join(folder, 'after'), { recursive: true });
  return { before, after: await open(folder, 'after', cutOffGraceMs) };
}

describe('a box that was killed', () => {
  it('goes on in the same playlists behind the number that was open, which is a gap and never anything else', async () => {
    const { before, after } = await killed(3_600_000);
    const { box, archived } = after;
    const seen = new Map(numbered(before).map(({ number, uris }) => [number, uris]));
    expect([...seen.keys()]).toEqual([0, 1, 2, 3]);
    for (const shape of ['', 'dvr/', 'start-over/']) {
      const playlist = await mediaPlaylistAt(url(box, shape));
      expect(playlist.endlist).toBe(false);
      expect(playlist.segments.map(({ uri }) => nameOf(uri))).toEqual(['0', '1', '2']);
      expect(await textAt(url(box, shape))).not.toContain('PRELOAD-HINT');
    }
    await until(() => archived.length === 1);
    const run = await SteppedRun.open(box, { seconds: 5 }, SECOND);
    await run.give(3);
    const early = await until(async () => {
      const found = await lowLatencyAt(url(box, 'dvr/'));
      return endOf(found) === '4.2' && found;
    });
    expect(numbered(early).slice(-2)).toMatchObject([
      { number: 3, gap: true },
      { number: 4, gap: false },
    ]);
    await run.give(10);
    for (const shape of ['', 'dvr/', 'start-over/']) {
      for (const id of IDS) {
        const playlist = await until(async () => {
          const found = await lowLatencyAt(url(box, shape, id));
          return endOf(found).startsWith('5.') && found;
        });
        const listed = numbered(playlist);
        expect(listed.map(({ number, gap }) => [number, gap])).toEqual([
          ...[0, 1, 2, 3, 4, 5].map((number) => [number, number === 3]),
        ]);
        expect(playlist.segments.map(({ discontinuity }) => discontinuity ?? false)).toEqual([
          ...[false, false, false, false, true, false],
        ]);
        if (id !== 'v180') continue;
        for (const [number, uris] of seen) {
          const own = listed.find((each) => each.number === number)?.uris ?? [];
          // Of the open one parts were told, and its address was to come.
          const known = number === 3 ? [...uris, uris[0]?.replace('3.0', '3')] : uris;
          expect(known).toEqual(expect.arrayContaining(own));
        }
      }
    }
    const [first, second] = [`${BROADCAST}-1-0`, `${SECOND.broadcastId}-1-4`].map((id) => `<Period id="${id}" start=`);
    expect(await textAt(`${box.url}/live/c/manifest.mpd`)).toContain(`<Period id="${SECOND.broadcastId}-1-4`);
    expect(await textAt(`${box.url}/live/c/dvr/manifest.mpd`)).toMatch(new RegExp(`${first}"PT0S"[^]*${second}"PT9S"`));
    // The gap is between the two: the video has nothing of it.
    expect(archived[0]).toMatchObject({ complete: true });
    expect(archived[0]?.durationSec).toBeCloseTo(6, 0);
  });

  it('that is back too late begins anew, with numbers that nobody has seen', async () => {
    const { after } = await killed(0);
    const { box } = after;
    expect((await mediaPlaylistAt(url(box, ''))).endlist).toBe(true);
    const run = await SteppedRun.open(box, { seconds: 5 }, SECOND);
    await run.give(13);
    for (const shape of ['', 'dvr/', 'start-over/']) {
      const playlist = await until(() => mediaPlaylistAt(url(box, shape)));
      expect(playlist.mediaSequenceBase).toBeGreaterThan(3);
      expect(playlist.segments.every(({ uri }) => uri.includes(SECOND.broadcastId))).toBe(true);
    }
  });
});
