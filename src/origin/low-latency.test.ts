import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BROADCAST, endOf, hintOf, IDS, lowLatencyAt, nameOf, SteppedRun } from './low-latency.fixture.js';
import { mediaPlaylistAt, type ServedOrigin, serveOrigin, textAt, until } from './origin.fixture.js';

/** draft-pantos-hls-rfc8216bis-22, rule by rule, on one broadcast that goes on from test to test. */
describe('a broadcast that is followed part by part', () => {
  let box: ServedOrigin;
  let run: SteppedRun;
  const playlistUrl = (id: string, query = '') => `${box.url}/live/c/${id}.m3u8${query}`;
  const playlist = (id = 'v180', query = '') => lowLatencyAt(playlistUrl(id, query));
  const media = (name: string, id = 'v180') => fetch(`${box.url}/media/${BROADCAST}/${id}/${name}.m4s`);
  const bytes = async (name: string, id = 'v180') => Buffer.from(await (await media(name, id)).arrayBuffer());
  const status = async (path: string) => (await fetch(box.url + path)).status;
  const whole = (id: string, count: number) =>
    until(async () => (await mediaPlaylistAt(playlistUrl(id))).segments.length >= count);

  beforeAll(async () => {
    box = await serveOrigin();
    run = await SteppedRun.open(box, { seconds: 17 });
    // Nobody knows yet where the run begins: v90 has not come.
    await run.give(3, ['v180', 'audio']);
    expect(await status('/live/c/v180.m3u8')).toBe(404);
    expect((await media('0.0')).status).toBe(404);
    await run.give(3, ['v90']);
    expect((await media('0.0')).status).toBe(200);
    await run.give(10);
    await Promise.all(IDS.map((id) => whole(id, 1)));
  });

  afterAll(() => box.close());

  it('lists the parts of the open segment behind the last whole one, and hints what comes next', async () => {
    const found = await playlist();
    expect(found.segments.map((segment) => nameOf(segment.uri))).toEqual(['0', '']);
    const open = found.segments.at(-1)?.parts ?? [];
    expect(open.map((part) => nameOf(part.uri))).toEqual(['1.0', '1.1', '1.2', '1.3']);
    expect(open.map((part) => part.independent ?? false)).toEqual([true, false, false, false]);
    expect(hintOf(found)).toBe('1.3');
  });

  it('says what it can do (§4.4.3.7, §4.4.3.8)', async () => {
    const { lowLatencyCompatibility, partTargetDuration, targetDuration, version } = await playlist();
    expect(lowLatencyCompatibility).toEqual({ canBlockReload: true, canSkipUntil: 12, holdBack: 6, partHoldBack: 0.6 });
    expect([partTargetDuration, targetDuration, version]).toEqual([0.2, 2, 9]);
  });

  it('keeps the lengths of parts (§4.4.4.9) in pictures and sound', async () => {
    for (const id of IDS) {
      const { segments, partTargetDuration = 0 } = await playlist(id);
      for (const { parts } of segments) {
        const durations = parts.flatMap(({ hint, duration }) => (hint ? [] : [duration ?? 0]));
        expect(Math.max(...durations)).toBeLessThanOrEqual(partTargetDuration);
        expect(Math.min(...durations.slice(0, -1))).toBeGreaterThanOrEqual(0.85 * partTargetDuration);
      }
    }
  });

  it('reports how far the other renditions are (§4.4.5.4), addressed from where the playlist is', async () => {
    const { renditionReports } = await playlist('v90');
    expect(renditionReports.map(({ uri, lastMSN }) => [uri, lastMSN])).toEqual([
      ['v180.m3u8', 1],
      ['audio.m3u8', 1],
    ]);
    for (const { uri, lastPart } of renditionReports) {
      const other = await lowLatencyAt(new URL(uri, playlistUrl('v90')).href);
      expect(`1.${lastPart}`).toBe(endOf(other));
    }
  });

  it('has for a segment exactly the bytes of its parts', async () => {
    for (const id of IDS) {
      const parts = (await playlist(id)).segments[0]?.parts ?? [];
      const pieces = await Promise.all(parts.map(({ uri }) => bytes(nameOf(uri), id)));
      expect(await bytes('0', id)).toEqual(Buffer.concat(pieces));
      expect(parts.length).toBeGreaterThan(9);
    }
  });

  it.each([
    ['_HLS_part=1', 'a part without its segment'],
    ['_HLS_msn=one', 'what is no number'],
    ['_HLS_msn=-1', 'less than nothing'],
    ['_HLS_msn=1&_HLS_part=x', 'a part that is no number'],
    ['_HLS_msn=3', 'more than two segments ahead'],
    ['_HLS_msn=1&_HLS_part=18', 'more parts ahead than three seconds hold'],
    ['_HLS_msn=2&_HLS_part=15', 'as many of a segment that has not begun'],
  ])('answers %s with 400: %s (§6.2.5.2)', async (query) => {
    const answer = await fetch(playlistUrl('v180', `?${query}`));
    expect(answer.status).toBe(400);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it.each([
    ['_HLS_msn=0', 'a segment that is there'],
    ['_HLS_msn=0&_HLS_part=3', 'a part that is there'],
    ['_HLS_msn=0&_HLS_part=10', 'a part behind the last of a whole segment: the first of the next one'],
    ['_HLS_msn=1&_HLS_part=2', 'the last part there is'],
    ['_HLS_skip=maybe', 'a value that means nothing'],
    ['session=7', 'what is no directive'],
  ])('answers %s at once: %s', async (query) => {
    expect(endOf(await playlist('v180', `?${query}`))).toBe('1.2');
  });

  it('holds a request for a part until it is there, and for a segment until that is whole', async () => {
    const part = playlist('v180', '?_HLS_msn=1&_HLS_part=3');
    const segment = playlist('v180', '?_HLS_msn=1');
    const far = playlist('v180', '?_HLS_msn=1&_HLS_part=12');
    await run.give(1);
    expect(endOf(await part)).toBe('1.3');
    await run.give(6);
    const told = await segment;
    expect(told.segments.map(({ uri }) => nameOf(uri)).slice(0, 2)).toEqual(['0', '1']);
    // Segment 1 is over with part 9: the twelfth is the next one's first.
    expect(hintOf(told)).toBe('2.0');
    await run.give(1);
    expect(endOf(await far)).toBe('2.0');
  });

  it('shows a closed segment with its parts, and the first of the next one as a hint, as soon as it has all of them', async () => {
    await run.give(9);
    const found = await playlist();
    expect([endOf(found), hintOf(found)]).toEqual(['2.9', '3.0']);
    await Promise.all(IDS.map((id) => whole(id, 3)));
  });

  it('lists parts only near the end (§6.2.2), and gives them still', async () => {
    await run.give(1);
    const { segments } = await playlist();
    expect(segments.map(({ parts }) => parts.length > 0)).toEqual([false, true, true, true]);
    expect((await media('0.4')).status).toBe(200);
  });

  it('keeps a playlist for half a target duration at most, and what was waited for longer, up to six', async () => {
    const asked = async (query: string) => {
      const response = await fetch(playlistUrl('v180', query));
      const [, target] = /#EXT-X-TARGETDURATION:(\d+)/.exec(await response.text()) ?? [];
      return { cache: response.headers.get('cache-control'), target: Number(target) };
    };
    expect(await asked('')).toEqual({ cache: 'public, max-age=1', target: 2 });
    expect(await asked('?_HLS_msn=3&_HLS_part=0')).toEqual({ cache: 'public, max-age=6', target: 2 });
  });

  it('holds a request for the part that is hinted, and for the first one of the next segment (§6.2.6)', async () => {
    const hinted = media('3.1');
    const next = media('4.0');
    expect((await media('3.2')).status).toBe(404);
    expect((await media('5.0')).status).toBe(404);
    expect((await media('4.1')).status).toBe(404);
    await run.give(1);
    expect((await hinted).status).toBe(200);
    expect((await hinted).headers.get('cache-control')).toContain('immutable');
    await run.give(9);
    expect((await next).status).toBe(200);
  });

  it('frees the wait of a client that goes away', async () => {
    const gone = new AbortController();
    const left = fetch(playlistUrl('v180', '?_HLS_msn=5'), { signal: gone.signal });
    await new Promise((resolve) => setTimeout(resolve, 50));
    gone.abort();
    await expect(left).rejects.toThrow('aborted');
    expect(endOf(await playlist())).toBe('4.0');
  });

  it('streams a segment while it grows, and gives the same bytes under the same tag afterwards', async () => {
    const answer = await media('4');
    expect(answer.headers.get('content-length')).toBeNull();
    const reader = answer.body?.getReader();
    const pieces = [Buffer.from((await reader?.read())?.value ?? [])];
    expect(pieces[0]).toEqual(await bytes('4.0'));
    await run.give(9);
    for (let read = await reader?.read(); read?.value !== undefined; read = await reader?.read()) {
      pieces.push(Buffer.from(read.value));
    }
    await whole('v180', 5);
    const after = await media('4');
    expect(after.headers.get('etag')).toBe(answer.headers.get('etag'));
    expect(Buffer.from(await after.arrayBuffer())).toEqual(Buffer.concat(pieces));
  });

  it('leaves out of a delta update what is further back than the skip boundary (§6.2.5.1)', async () => {
    expect((await playlist('v180', '?_HLS_skip=YES')).skip).toBe(0);
    await run.give(35);
    await Promise.all(IDS.map((id) => whole(id, 8)));
    const full = await playlist();
    for (const value of ['YES', 'v2']) {
      const delta = await playlist('v180', `?_HLS_skip=${value}&_HLS_msn=8&_HLS_part=1`);
      expect(delta.skip).toBe(1);
      expect(delta.mediaSequenceBase).toBe(full.mediaSequenceBase);
      expect(delta.segments.map(({ uri }) => uri)).toEqual(full.segments.slice(1).map(({ uri }) => uri));
      expect(delta.segments[0]?.map?.uri).toBe(full.segments[1]?.map?.uri);
      expect([endOf(delta), hintOf(delta)]).toEqual([endOf(full), hintOf(full)]);
    }
  });

  it('is compressed for those who take it, under a tag of its own', async () => {
    const plain = await raw(playlistUrl('v180'), {});
    const packed = await raw(playlistUrl('v180'), { 'accept-encoding': 'br, gzip;q=0.5' });
    expect([plain.headers['content-encoding'], packed.headers['content-encoding']]).toEqual([undefined, 'gzip']);
    expect([plain.headers.vary, packed.headers.vary]).toEqual(['Accept-Encoding', 'Accept-Encoding']);
    expect(gunzipSync(packed.body)).toEqual(plain.body);
    expect(packed.body.length).toBeLessThan(plain.body.length / 2);
    expect(packed.headers.etag).not.toBe(plain.headers.etag);
    const again = { 'accept-encoding': 'gzip', 'if-none-match': String(packed.headers.etag) };
    expect((await raw(playlistUrl('v180'), again)).status).toBe(304);
  });

  it('answers everything at once when it is over, without a hint (§4.4.5.3) or a directive', async () => {
    const waiting = [playlist('v180', '?_HLS_msn=9'), playlist('audio', '?_HLS_msn=9&_HLS_part=1')];
    run.sink.end();
    box.origin.fragments.endBroadcast(BROADCAST);
    for (const ended of await Promise.all(waiting)) expect(ended.endlist).toBe(true);
    const ended = await playlist('v180', '?_HLS_msn=900&_HLS_skip=YES');
    expect([ended.endlist, ended.skip, hintOf(ended)]).toEqual([true, 0, null]);
    expect(ended.segments.map(({ uri }) => nameOf(uri))).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
    expect((await media('9.0')).status).toBe(404);
  });
});

describe('a broadcast that stands still', () => {
  it('holds requests for three target durations at most: 503 for a playlist, 404 for a part', async () => {
    const box = await serveOrigin();
    const run = await SteppedRun.open(box, { seconds: 3 });
    await run.give(12);
    await until(async () => (await mediaPlaylistAt(`${box.url}/live/c/v180.m3u8`)).segments.length === 1);
    const began = performance.now();
    const [playlist, part] = await Promise.all([
      fetch(`${box.url}/live/c/v180.m3u8?_HLS_msn=1&_HLS_part=9`),
      fetch(`${box.url}/media/${BROADCAST}/v180/1.2.m4s`),
    ]);
    expect(performance.now() - began).toBeGreaterThan(5_900);
    expect([playlist.status, playlist.headers.get('retry-after'), part.status]).toEqual([503, '1', 404]);
    await box.close();
  });
});

describe('with low latency switched off', () => {
  it('lists whole segments only, and takes no directives', async () => {
    const box = await serveOrigin({ lowLatency: false });
    const run = await SteppedRun.open(box, { seconds: 3 });
    await run.give(12);
    await until(async () => (await mediaPlaylistAt(`${box.url}/live/c/v180.m3u8`)).segments.length === 1);
    const text = await textAt(`${box.url}/live/c/v180.m3u8?_HLS_msn=99&_HLS_part=x`);
    expect(text).not.toMatch(/EXT-X-(PART|SERVER-CONTROL|PRELOAD|RENDITION-REPORT|SKIP)/);
    expect((await fetch(`${box.url}/media/${BROADCAST}/v180/0.0.m4s`)).status).toBe(404);
    await box.close();
  });
});

interface RawAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
}

/** fetch would unpack it. */
function raw(url: string, headers: Record<string, string>): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers }, async (response) => {
      const pieces: Buffer[] = [];
      for await (const piece of response) pieces.push(piece);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) });
    });
    asked.on('error', reject);
    asked.end();
  });
}
