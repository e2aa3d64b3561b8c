import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { types } from 'hls-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spliceInsert } from '../../media/splice-info.fixture.js';
import { BROADCAST, endOf, hintOf, IDS, lowLatencyAt, nameOf, SteppedRun } from '../low-latency.fixture.js';
import { mediaPlaylistAt, type ServedOrigin, serveOrigin, textAt, until } from '../origin.fixture.js';
import { FolderStore } from './folder-store.fixture.js';

/** DVR and start-over playlists that are followed part by part: one broadcast that goes on from test to test. */
describe('the live edge of a DVR playlist', () => {
  let folder: string;
  let box: ServedOrigin;
  let run: SteppedRun;
  const url = (shape: string, id = 'v180', query = '') => `${box.url}/live/c/${shape}${id}.m3u8${query}`;
  const playlist = (shape: string, id = 'v180', query = '') => lowLatencyAt(url(shape, id, query));
  const whole = (count: number) =>
    until(async () => {
      const all = await Promise.all(IDS.map((id) => mediaPlaylistAt(url('dvr/', id))));
      return all.every(({ segments }) => segments.length === count);
    });

  const open = (spoolDir?: string) =>
    serveOrigin({
      ...{ windowSegments: 4, ...(spoolDir === undefined ? {} : { spoolDir }) },
      recording: {
        store: new FolderStore(join(folder, 'store')),
        catalog: {
          policyOf: async () => ({ dvrSec: 7200, archive: false }),
          archived: async () => null,
        },
        onArchived: () => undefined,
      },
    });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dvr-edge-'));
    box = await open(join(folder, 'spool'));
    run = await SteppedRun.open(box, { seconds: 31 });
    await run.give(93);
    await whole(9);
  });

  afterAll(async () => {
    await box.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('is the live playlist’s, to the letter, behind all that the window has left', async () => {
    for (const shape of ['dvr/', 'start-over/']) {
      for (const id of IDS) {
        const [long, short] = [await textAt(url(shape, id)), await textAt(url('', id))];
        const tail = (text: string) => text.slice(text.indexOf('#EXT-X-PART:'));
        expect(tail(long)).toBe(tail(short));
        const [all, listed] = [await playlist(shape, id), await playlist('', id)];
        expect(all.segments.map(({ uri }) => nameOf(uri)).slice(0, 9)).toEqual([...'012345678']);
        expect(facts(all).slice(-5)).toEqual(facts(listed));
        // The tone's fragments are a little longer than the pictures', and are given as many at a time.
        expect([endOf(all), hintOf(all)]).toEqual(id === 'audio' ? ['9.8', '9.9'] : ['9.2', '9.3']);
      }
    }
  });

  it('says what it can do, in the same terms as the live one', async () => {
    const { lowLatencyCompatibility, partTargetDuration, version, renditionReports } = await playlist('dvr/');
    expect(lowLatencyCompatibility).toEqual({ canBlockReload: true, canSkipUntil: 12, holdBack: 6, partHoldBack: 0.6 });
    expect([partTargetDuration, version]).toEqual([0.2, 10]);
    for (const { uri, lastMSN, lastPart } of renditionReports) {
      expect(endOf(await lowLatencyAt(new URL(uri, url('dvr/')).href))).toBe(`${lastMSN}.${lastPart}`);
    }
  });

  it('can be waited for, and be told without what is further back', async () => {
    const [part, segment] = ['?_HLS_msn=9&_HLS_part=3&_HLS_skip=YES', '?_HLS_msn=9'].map((query) =>
      playlist('dvr/', 'v180', query),
    );
    const answer = fetch(url('start-over/', 'audio', '?_HLS_msn=9&_HLS_part=9'));
    await run.give(1);
    const delta = await part;
    expect([delta?.skip, delta?.segments.length, delta && endOf(delta)]).toEqual([2, 8, '9.3']);
    expect((await answer).headers.get('cache-control')).toBe('public, max-age=6');
    await run.give(6);
    expect((await segment)?.segments.map(({ uri }) => nameOf(uri))).toContain('9');
  });

  it('answers what makes no sense with 400, which no cache keeps', async () => {
    for (const query of ['?_HLS_part=1', '?_HLS_msn=x', '?_HLS_msn=99', '?_HLS_msn=-1&_HLS_skip=v2']) {
      const { status, headers } = await fetch(url('dvr/', 'v180', query));
      expect([status, headers.get('cache-control')]).toEqual([400, 'no-store']);
    }
  });

  it('is sent compressed to those who take that, delta updates too', async () => {
    for (const query of ['', '?_HLS_skip=YES']) {
      const { headers } = await fetch(url('start-over/', 'v180', query), { headers: { 'accept-encoding': 'gzip' } });
      expect([headers.get('content-encoding'), headers.get('vary')?.toLowerCase()]).toEqual([
        'gzip',
        'accept-encoding',
      ]);
    }
  });

  it('changes with what is told of the future, and has it again after a restart', async () => {
    const cue = spliceInsert({ eventId: 7, out: true, pts: 0, breakTicks: 900_000 });
    box.origin.timedMetadata({ broadcastId: BROADCAST, atMs: 19_000, kind: 'scte35', data: cue });
    box.origin.captionsFound({ broadcastId: BROADCAST, captions: { cea608: [1], cea708: [] } });
    await run.give(1);
    const tags = async (shape: string) => (await textAt(url(shape))).match(/#EXT-X-DATERANGE.*/g);
    const told = await until(() => tags('dvr/'));
    expect(told).toEqual([expect.stringContaining('splice-7-insert')]);
    expect(await textAt(url('dvr/', 'index'))).toContain('INSTREAM-ID="CC1"');
    run.sink.end();
    await box.origin.close();
    box = await open(join(folder, 'spool'));
    for (const shape of ['', 'dvr/', 'start-over/']) {
      expect(await tags(shape)).toEqual(told);
      expect(await textAt(url(shape, 'index'))).toContain('INSTREAM-ID="CC1"');
    }
  });
});

function facts({ segments }: types.MediaPlaylist) {
  return segments.map(({ uri, duration, map, programDateTime }) => [uri, duration, map?.uri, programDateTime]);
}
