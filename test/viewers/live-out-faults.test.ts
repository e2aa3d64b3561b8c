import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import HLS, { type types } from 'hls-parser';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApiClient } from '../../src/cli/api-client.js';
import { cleanUp, newFolder, startBox, type TestBox, until } from '../box.js';
import { judgeBoxes } from '../box-judge.js';
import { openBrowser } from '../browser.js';
import { Encoder, stopEncoders } from '../encoder.js';
import { freePorts } from '../free-ports.js';
import { KeptRun, type KeptSegment } from '../kept-run.js';
import { PartFollower } from '../part-follower.js';
import { PlayerPage } from '../player-page.js';
import { Screen } from '../screen.js';
import { type Channel, newChannel } from '../watched-channel.js';

/**
 * What lies behind an edge dies, in one channel's life one after the other: ffmpeg, the origin (stopped, as for an upgrade), the
 * whole box. The encoder comes back each time, as encoders do. Told is what viewers saw, and what the archives have.
 */
interface Video {
  readonly broadcast_id: string;
  readonly status: string;
  readonly incomplete: boolean;
  /** Seconds. */
  readonly duration: number;
  readonly hlsUrl: string;
}

/** For how long a picture may stand beyond what was really gone: machines that test are busy. */
const STALLED_SEC_MAX = 20;
const PLAYED_SEC = 4;

const folder = newFolder();
const data = join(folder, 'data');
const sets = ['transcode.pixelsPerSecond=6000000', 'transcode.hardware=off', 'live.graceSec=0', 'live.segmentSec=1'];
let inner: TestBox;
let edge: TestBox;
let api: ApiClient;
let browser: Browser;
let encoder: Encoder;
let channel: Channel;
let kept: KeptRun;
let screen: Screen;
let startInner: () => Promise<TestBox>;
let startEdge: () => Promise<TestBox>;

beforeAll(async () => {
  const [origin, apiPort, rtmp, http] = await freePorts(4);
  const config = (name: string, text: string) => {
    const file = join(folder, `${name}.yaml`);
    writeFileSync(file, text);
    return ['run', '--config', file];
  };
  const verb = config('inner', 'roles: [ingest, transcode, origin, api]\n');
  const doors = [`origin.listen=127.0.0.1:${origin}`, `api.listen=127.0.0.1:${apiPort}`, ...sets];
  const args = [...doors.flatMap((each) => ['--set', each]), '--rtmp', `127.0.0.1:${rtmp}`];
  startInner = () => startBox({ data, verb, args });
  const upstreams = `edge: { origin: "http://127.0.0.1:${origin}", api: "http://127.0.0.1:${apiPort}" }`;
  const edgeVerb = config('edge', `roles: [edge]\n${upstreams}\n`);
  startEdge = () => startBox({ verb: edgeVerb, args: ['--http', `127.0.0.1:${http}`] });
  [inner, edge, browser] = await Promise.all([startInner(), startEdge(), openBrowser()]);
  api = new ApiClient({ url: edge.http, token: readFileSync(join(data, 'operator.token'), 'utf8').trim() });
  channel = await newChannel(api, 'town-hall', {});
  kept = KeptRun.follow(channel.hlsUrl, { patient: true });
  encoder = new Encoder(channel.rtmpUrl, { rate: 25, returns: true });
  screen = await Screen.open(browser, channel.watchUrl);
  await until(async () => (await screen.shown()).steadySec > 1, 60_000, standing);
});

afterAll(async () => {
  await stopEncoders();
  await browser?.close();
  await cleanUp();
});

const standing = () => `the picture stands\n${kept.faults.join('\n')}\n${inner.printed().slice(-4000)}`;
const keptSegments = () => [...kept.renditions.values()].map(({ segments }) => [...segments.values()]);
const newest = (): KeptSegment[] => keptSegments().flatMap((segments) => segments.at(-1) ?? []);
const broadcastOf = (uri: string) => uri.split('/')[2] ?? '';

/** Numbers that are listed as not being there, of the rendition that has most of them. */
const gaps = () => Math.max(0, ...keptSegments().map((all) => all.filter(({ gap }) => gap).length));

const missing = (numbers: number[]) =>
  numbers.filter((number, index) => index > 0 && numbers[index - 1] !== number - 1);

/** The most that any rendition was broken. */
const discontinuities = () =>
  Math.max(0, ...keptSegments().map((all) => all.filter(({ discontinuity }) => discontinuity).length));

/** What a viewer at the watch page sees of `fault`, until the picture has moved for a while. */
async function seenOf(fault: () => Promise<void>) {
  const before = await screen.shown();
  const at = performance.now();
  await fault();
  const goneSec = (performance.now() - at) / 1000;
  const from = (await screen.shown()).playedSec;
  await until(async () => (await screen.shown()).playedSec > from + PLAYED_SEC, 60_000, standing);
  return { goneSec, stalledSec: (await screen.shown()).stalledSec - before.stalledSec };
}

/** The channel is on air again: of every rendition there are two segments of another broadcast. */
async function backOnAir(before: string): Promise<void> {
  const since = (all: KeptSegment[]) => all.slice(1 + all.findLastIndex(({ uri }) => broadcastOf(uri) === before));
  await until(() => keptSegments().every((all) => since(all).length > 1), 60_000, standing);
}

it('ffmpeg is killed: players of all kinds go on, over one discontinuity', async () => {
  const player = await PlayerPage.open(browser, 'hls.js low latency', channel.hlsUrl);
  const follower = PartFollower.follow([...kept.renditions.keys()][0] ?? '');
  const before = await player.plays(2);
  const pid = Number(/"pid":(\d+)[^\n]*live transcoding started/.exec(inner.printed())?.[1]);
  const seen = await seenOf(async () => {
    process.kill(pid, 'SIGKILL');
    await until(() => discontinuities() === 1, 60_000, standing);
  });
  const after = await player.plays(1);
  const { fatal, complaints } = await player.state();
  await player.close();
  await follower.leave();
  const { faults, segments } = follower;
  expect({ fatal, errors: after.errors }, complaints.join('\n')).toEqual({ fatal: [], errors: [] });
  expect(after.stalledSec - before.stalledSec).toBeLessThan(STALLED_SEC_MAX);
  expect(seen.stalledSec).toBeLessThan(STALLED_SEC_MAX);
  expect({ faults, missing: missing([...segments.keys()]) }).toEqual({ faults: [], missing: [] });
  expect(kept.failed).toBe(0);
  expect(discontinuities()).toBe(1);
  // The last number of the broken run, where one rendition had begun it and another one had not.
  expect(gaps()).toBeLessThanOrEqual(1);
});

it('the origin is stopped and started: the picture stands as long as it is gone, then goes on', async () => {
  const before = broadcastOf(newest()[0]?.uri ?? '');
  const seen = await seenOf(async () => {
    expect(await inner.kill('SIGTERM')).toBe(0);
    inner = await startInner();
    await backOnAir(before);
  });
  expect(seen.stalledSec).toBeLessThan(seen.goneSec + STALLED_SEC_MAX);
  expect(discontinuities()).toBe(2);
});

it('the box is killed and started: the picture stands as long as it is gone, then goes on', async () => {
  const before = broadcastOf(newest()[0]?.uri ?? '');
  const seen = await seenOf(async () => {
    await Promise.all([inner.kill('SIGKILL'), edge.kill('SIGKILL')]);
    [inner, edge] = await Promise.all([startInner(), startEdge()]);
    await backOnAir(before);
  });
  expect(seen.stalledSec).toBeLessThan(seen.goneSec + STALLED_SEC_MAX);
  expect(discontinuities()).toBe(3);
});

it('all that was served fits together, and the archives have every segment that was announced', async () => {
  await encoder.stop('SIGTERM');
  let videos: Video[] = [];
  await until(
    async () => {
      ({ videos } = await api.get<{ videos: Video[] }>('/v1/videos'));
      return videos.length === 3 && videos.every(({ status }) => status === 'ready');
    },
    60_000,
    () => `${JSON.stringify(videos)}\n${standing()}`,
  );
  await kept.leave();
  expect(kept.faults).toEqual([]);
  for (const rendition of kept.renditions.values()) judgeBoxes(rendition);
  const announced = [...kept.renditions.values()].flatMap((rendition) => [...rendition.announced]);
  expect(announced.length).toBeGreaterThan(40);
  const archived = (await Promise.all(videos.map(archivedIn))).flat();
  expect(announced.filter((uri) => !archived.includes(uri))).toEqual([]);
  const all = [...kept.renditions.values()].flatMap(({ segments }) => [...segments.values()]);
  for (const { uri, bytes } of all.filter(({ gap }) => !gap)) {
    expect(bytes.equals(Buffer.from(await (await fetch(edge.http + uri)).arrayBuffer())), uri).toBe(true);
  }
});

/** The addresses of all that a video has, whose lengths add up to its own. */
async function archivedIn({ incomplete, duration, hlsUrl }: Video): Promise<string[]> {
  expect(incomplete).toBe(false);
  const master = HLS.parse(await (await fetch(hlsUrl)).text()) as types.MasterPlaylist;
  const [variant] = master.variants;
  const uris = [variant?.uri ?? '', variant?.audio[0]?.uri ?? ''];
  const found: string[] = [];
  for (const uri of uris) {
    const media = HLS.parse(await (await fetch(new URL(uri, hlsUrl))).text()) as types.MediaPlaylist;
    expect(media.endlist).toBe(true);
    const seconds = media.segments.reduce((sum, segment) => sum + segment.duration, 0);
    expect(Math.abs(seconds - duration), uri).toBeLessThan(1.1);
    found.push(...media.segments.filter(({ gap }) => !gap).map((segment) => segment.uri));
  }
  return found;
}
