import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import HLS, { type types } from 'hls-parser';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cleanUp, newFolder, startBox, type TestBox, until } from '../box.js';
import { decodedFrames, judgeHls, probe } from '../judges.js';
import { KeptRun } from '../kept-run.js';
import { wholeSegments } from '../playlists.js';
import { publish, stopPublishers } from '../publisher.js';

/** What viewers can go back to while a channel is live, and what stays when it is over. */
interface Channel {
  readonly name: string;
  readonly rtmpUrl: string;
  readonly hlsUrl: string;
}

interface Video {
  readonly id: string;
  readonly title: string;
  readonly status: string;
  readonly duration: number;
  readonly incomplete: boolean;
  readonly broadcast_id: string;
  readonly thumbnail_url: string | null;
  readonly hlsUrl: string;
  readonly dashUrl: string;
}

interface Told {
  readonly type: string;
  readonly channel: string;
  readonly videoId?: string;
  readonly complete?: boolean;
}

const data = join(newFolder(), 'data');
const settings = ['live.graceSec=0', 'live.windowSegments=4', 'live.segmentSec=1', 'transcode.pixelsPerSecond=6000000'];
const told: Told[] = [];
let args: string[];
let box: TestBox;
let receiver: Server;

beforeAll(async () => {
  receiver = createServer((request, response) => {
    let text = '';
    request.on('data', (piece) => (text += piece));
    request.on('end', () => {
      told.push(JSON.parse(text));
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  const hooks = `hooks.events=[{ url: "${url}", secret: sixteen-characters, events: [archived] }]`;
  args = [...settings, hooks].flatMap((setting) => ['--set', setting]);
  box = await startBox({ data, args });
});

afterAll(async () => {
  stopPublishers();
  receiver?.close();
  await cleanUp();
});

/** The first variant's media playlist under an address of a multivariant one, whole segments alone; null while there is none. */
async function playlistAt(url: string): Promise<types.MediaPlaylist | null> {
  const answer = await fetch(url);
  if (answer.status !== 200) return null;
  const master = HLS.parse(await answer.text()) as types.MasterPlaylist;
  const media = await fetch(new URL(master.variants[0]?.uri ?? '', url));
  if (media.status !== 200) return null;
  const playlist = HLS.parse(await media.text()) as types.MediaPlaylist;
  return Object.assign(playlist, { segments: wholeSegments(playlist) });
}

const lengthOf = (playlist: types.MediaPlaylist | null) => playlist?.segments.length ?? 0;
const secondsOf = ({ segments }: types.MediaPlaylist) => segments.reduce((sum, { duration }) => sum + duration, 0);

async function archiveOf(channel: string): Promise<Video> {
  let found: Video | undefined;
  await until(
    async () => {
      const videos = await box.json<Video[]>('video', 'list');
      found = videos.find(({ title }) => title.startsWith(`${channel}, `));
      return found !== undefined;
    },
    60_000,
    () => box.printed(),
  );
  if (found === undefined) throw new Error('no archive');
  return found;
}

it('viewers go back beyond the live window and to the beginning, and at the end all of it is a video', async () => {
  const { rtmpUrl, hlsUrl } = await box.json<Channel>('channel', 'create', 'town-hall');
  const dvrUrl = hlsUrl.replace('/index', '/dvr/index');
  const publisher = publish(rtmpUrl, { size: '320x180', seconds: 600 });
  await until(
    async () => lengthOf(await playlistAt(dvrUrl)) >= 8,
    60_000,
    () => box.printed(),
  );
  const live = await playlistAt(hlsUrl);
  expect(lengthOf(live)).toBeLessThanOrEqual(4);
  const { media } = await judgeHls(dvrUrl);
  for (const playlist of media) {
    expect(wholeSegments(playlist).length).toBeGreaterThan(6);
    expect(playlist.endlist).toBe(false);
    expect(playlist.segments[0]?.programDateTime).toBeInstanceOf(Date);
  }
  const fromStart = await playlistAt(hlsUrl.replace('/index', '/start-over/index'));
  expect(fromStart).toMatchObject({ mediaSequenceBase: 0, playlistType: 'EVENT' });
  expect(fromStart?.segments.length).toBeGreaterThanOrEqual(8);
  const mpd = await (await fetch(dvrUrl.replace('index.m3u8', 'manifest.mpd'))).text();
  expect(mpd).toContain('timeShiftBufferDepth="PT7200S"');
  expect(await (await fetch(dvrUrl.replace('dvr/index.m3u8', 'start-over/manifest.mpd'))).text()).not.toContain(
    'timeShift',
  );

  await publisher.stop();
  const video = await archiveOf('town-hall');
  expect(video).toMatchObject({ status: 'ready', incomplete: false });
  expect(video.title).toMatch(/^town-hall, \d{4}-\d\d-\d\d \d\d:\d\d UTC$/);
  const judged = await judgeHls(video.hlsUrl);
  for (const playlist of judged.media) {
    expect(playlist).toMatchObject({ endlist: true, playlistType: 'VOD' });
    expect(Math.abs(secondsOf(playlist) - video.duration)).toBeLessThan(1.1);
  }
  const names = judged.media.flatMap(({ segments }) => segments.map(({ uri }) => uri));
  for (const segment of fromStart?.segments ?? []) expect(names).toContain(segment.uri);
  expect(Math.abs((await decodedFrames(video.hlsUrl)) - video.duration * 25)).toBeLessThan(2);
  expect((await probe(video.dashUrl)).map(({ codec_type }) => codec_type).sort()).toEqual(['audio', 'video']);
  await until(
    async () => (await playlistAt(dvrUrl))?.endlist === true,
    60_000,
    () => box.printed(),
  );
  await until(
    async () => (await box.json<Video>('video', 'show', video.id)).thumbnail_url !== null,
    60_000,
    () => box.printed(),
  );
  expect((await fetch(video.hlsUrl.replace('index.m3u8', 'poster.jpg'))).headers.get('content-type')).toBe(
    'image/jpeg',
  );
  await until(() => told.length > 0, 60_000);
  expect(told[0]).toMatchObject({ type: 'archived', channel: 'town-hall', videoId: video.id, complete: true });

  await box.command('video', 'delete', video.id);
  expect((await fetch(`${box.http}/v1/videos/${video.id}`)).status).toBe(404);
});

it('a broadcast in which the box was killed is a video after its restart, with everything that was announced', async () => {
  const { rtmpUrl, hlsUrl } = await box.json<Channel>('channel', 'create', 'evening');
  const run = KeptRun.follow(hlsUrl.replace('/index', '/dvr/index'));
  publish(rtmpUrl, { size: '320x180', seconds: 600 });
  const kept = () => [...run.renditions.values()];
  await until(
    () => kept().length === 2 && kept().every(({ segments }) => segments.size >= 8),
    60_000,
    () => run.faults.join('\n') || box.printed(),
  );
  await Promise.all([box.kill('SIGKILL'), run.leave()]);
  const faults = run.faults.filter((fault) => !fault.includes('fetch failed'));
  expect(faults).toEqual([]);
  // Its playlists are what a player was told; what it could not fetch any more before the kill is no less announced.
  box = await startBox({ data, args });
  const video = await archiveOf('evening');
  expect(video).toMatchObject({ status: 'ready', incomplete: false });
  const { media } = await judgeHls(video.hlsUrl);
  const archived = new Set(media.flatMap(({ segments }) => segments.map(({ uri }) => uri)));
  for (const rendition of kept()) {
    for (const { uri, bytes } of rendition.segments.values()) {
      expect(archived).toContain(uri);
      const again = await fetch(box.http + uri);
      expect(bytes.equals(Buffer.from(await again.arrayBuffer())), uri).toBe(true);
    }
  }
  expect(Math.abs((await decodedFrames(video.hlsUrl)) - video.duration * 25)).toBeLessThan(2);
});
