import { XMLParser } from 'fast-xml-parser';
import { createFile } from 'mp4box';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cleanUp, startBox, type TestBox, until } from '../box.js';
import { openBrowser } from '../browser.js';
import { type DashPlayback, type DashPlayer, dashPlayback, openDashPage } from '../dash-page.js';
import { Encoder, stopEncoders } from '../encoder.js';
import { decodedFrames, probe } from '../judges.js';

/** Low-latency DASH through the edge, in players that are not ours. */
interface Channel {
  readonly rtmpUrl: string;
  readonly dashUrl: string;
}

const parser = new XMLParser({
  ...{ ignoreAttributes: false, attributeNamePrefix: '', parseAttributeValue: false },
  isArray: (name) => ['Period', 'AdaptationSet', 'Representation', 'S'].includes(name),
});
/** Generous: machines that test are busy. */
const LATENCY_SEC_MAX = 8;
const SETTLED_SEC = 4;
const NEAR_END_SEC = 0.5;
const PLAYERS: readonly DashPlayer[] = ['shaka', 'dashjs'];

let box: TestBox;
let browser: Browser;
let channel: Channel;
let encoder: Encoder;
let pages: readonly Page[] = [];

beforeAll(async () => {
  box = await startBox({ args: ['--set', 'transcode.pixelsPerSecond=20000000', '--set', 'live.graceSec=0'] });
  browser = await openBrowser();
  channel = await box.json<Channel>('channel', 'create', 'town-hall');
  encoder = new Encoder(channel.rtmpUrl, { rate: 25 });
  await until(
    async () => (await fetch(channel.dashUrl)).status === 200,
    60_000,
    () => box.printed(),
  );
});

afterAll(async () => {
  await stopEncoders();
  await browser?.close();
  await cleanUp();
});

const manifest = async () => parser.parse(await (await fetch(channel.dashUrl)).text()).MPD;

/** By the clock, the newest segment that a player may ask for. */
async function newestSegment(): Promise<{ readonly number: number; readonly url: (number: number) => string }> {
  const MPD = await manifest();
  const period = MPD.Period.at(-1);
  const { SegmentTemplate } = period.AdaptationSet[0].Representation[0];
  const { startNumber, media } = SegmentTemplate;
  const [durationSec, offsetSec] = [
    SegmentTemplate.duration / SegmentTemplate.timescale,
    +SegmentTemplate.availabilityTimeOffset,
  ];
  const clock = Date.parse(await (await fetch(new URL('/time', channel.dashUrl))).text());
  const startSec = Number(/^PT(.*)S$/.exec(period.start)?.[1]);
  const elapsedSec = (clock - Date.parse(MPD.availabilityStartTime)) / 1000 - startSec;
  const number = Number(startNumber) + Math.floor((elapsedSec + offsetSec) / durationSec) - 1;
  return { number, url: (n) => new URL(media.replace('$Number$', String(n)), channel.dashUrl).href };
}

it('says how to follow it', async () => {
  const MPD = await manifest();
  expect(MPD).toMatchObject({ type: 'dynamic', minimumUpdatePeriod: 'PT2S' });
  expect(MPD.profiles).toContain('http://www.dashif.org/guidelines/low-latency-live-v5');
  expect(MPD.suggestedPresentationDelay).toBeUndefined();
  expect(MPD.UTCTiming).toMatchObject({ schemeIdUri: 'urn:mpeg:dash:utc:http-iso:2014', value: '/time' });
  const { Latency, PlaybackRate } = MPD.ServiceDescription;
  // Three parts and what the encoder is late by; two of them at least.
  expect(Number(Latency.target)).toBeGreaterThanOrEqual(600);
  expect(Number(Latency.target) - Number(Latency.min)).toBe(200);
  expect(PlaybackRate).toEqual({ min: '0.96', max: '1.04' });
  for (const set of MPD.Period[0].AdaptationSet) {
    expect(set.Resync).toMatchObject({ dT: '200000', marker: 'true' });
    expect(set.ProducerReferenceTime).toMatchObject({ type: 'encoder', UTCTiming: MPD.UTCTiming });
    for (const { SegmentTemplate } of set.Representation) {
      expect(SegmentTemplate).toMatchObject({ duration: '2000000', availabilityTimeComplete: 'false' });
      expect(Number(SegmentTemplate.availabilityTimeOffset)).toBeGreaterThan(0);
      expect(Number(SegmentTemplate.availabilityTimeOffset)).toBeLessThanOrEqual(1.8);
    }
  }
});

it('has a clock that nobody keeps, found beside the manifest', async () => {
  const answers = [];
  for (let asked = 0; asked < 2; asked += 1) answers.push(await fetch(new URL('/time', channel.dashUrl)));
  for (const answer of answers) {
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('cache-status')).not.toMatch(/; hit/);
    expect(Math.abs(Date.parse(await answer.text()) - Date.now())).toBeLessThan(60_000);
  }
});

it('streams the segment that is open, chunk by chunk as they come, to whoever comes first and to whoever comes late', async () => {
  const { number, url } = await newestSegment();
  const first = arrivals(url(number + 1));
  await until(
    () => first.pieces.length > 2,
    60_000,
    () => box.printed(),
    10,
  );
  const late = arrivals(url(number + 1));
  const [one, other] = await Promise.all([first.whole, late.whole]);
  expect(other).toEqual(one);
  expect(await (await fetch(url(number + 1))).arrayBuffer().then(Buffer.from)).toEqual(one);
  // A segment of two seconds, had while it was made.
  expect(first.pieces.length).toBeGreaterThan(4);
  const spread = (first.pieces.at(-1) ?? 0) - (first.pieces[0] ?? 0);
  expect(spread).toBeGreaterThan(500);
  const init = url(number).replace(/\d+\.m4s$/, 'init-1.mp4');
  expect(samplesOf(Buffer.from(await (await fetch(init)).arrayBuffer()), one)).toBe(50);
});

it('plays in shaka and dash.js, near to live and without a stop', async () => {
  pages = await Promise.all(PLAYERS.map((player) => openDashPage(browser, player, channel.dashUrl)));
  await Promise.all(pages.map(settles));
  const told = await Promise.all(pages.map(dashPlayback));
  expect(told.map(({ errors }) => errors)).toEqual([[], []]);
});

it('is played by those that know nothing of low latency', async () => {
  const kinds = (await probe(channel.dashUrl)).map(({ codec_name }) => codec_name);
  expect(kinds.sort()).toEqual(['aac', 'h264']);
  expect(await decodedFrames(channel.dashUrl, 2)).toBeGreaterThanOrEqual(45);
});

it('ends in the players when the broadcast does', async () => {
  await encoder.stop('SIGTERM');
  const faults = await Promise.all(pages.map(playsOut));
  // But for segments that were to come when the broadcast ended.
  const last = lastNumber(await manifest());
  const named = (fault: string) => Number(/(\d+)\.m4s/.exec(fault)?.[1] ?? 0);
  expect(faults.flat().filter((fault) => named(fault) <= last)).toEqual([]);
  expect(await manifest()).toMatchObject({ type: 'static' });
});

function lastNumber({ Period }: Awaited<ReturnType<typeof manifest>>): number {
  const { startNumber, SegmentTimeline } = Period.at(-1).AdaptationSet[0].Representation[0].SegmentTemplate;
  const count = (SegmentTimeline.S as { r?: string }[]).reduce((sum, { r = '0' }) => sum + Number(r) + 1, 0);
  return Number(startNumber) + count - 1;
}

/** Near to live, and some seconds in which it does not stop. */
async function settles(page: Page): Promise<void> {
  let from: DashPlayback | null = null;
  let last: DashPlayback | null = null;
  const settled = async () => {
    last = await dashPlayback(page);
    const isNear = last.latencySec !== null && last.latencySec < LATENCY_SEC_MAX;
    if (!isNear || from === null || last.buffering !== from.buffering) from = isNear ? last : null;
    return from !== null && last.time > from.time + SETTLED_SEC && last.frames > from.frames;
  };
  await until(settled, 60_000, () => `${JSON.stringify(last)}\n${box.printed().slice(-4000)}`);
}

/** To the last picture, even where a player that was late to hear of the end does not say so. Resolves with its complaints. */
async function playsOut(page: Page): Promise<readonly string[]> {
  await until(async () => (await manifest()).type === 'static', 60_000);
  const endSec = Number(/^PT(.*)S$/.exec((await manifest()).mediaPresentationDuration)?.[1]);
  let last: DashPlayback | null = null;
  const over = async () => {
    last = await dashPlayback(page);
    return last.ended || last.time > endSec - NEAR_END_SEC;
  };
  await until(over, 60_000, () => `${endSec} ${JSON.stringify(last)}`);
  return (await dashPlayback(page)).errors;
}

/** When each piece of an answer came, ms, and all of it. */
function arrivals(url: string): { readonly pieces: number[]; readonly whole: Promise<Buffer> } {
  const pieces: number[] = [];
  const read = async () => {
    const response = await fetch(url);
    expect(response.status).toBe(200);
    const chunks: Buffer[] = [];
    for await (const chunk of response.body ?? []) {
      pieces.push(performance.now());
      chunks.push(Buffer.from(chunk));
    }
    return Buffer.concat(chunks);
  };
  return { pieces, whole: read() };
}

function samplesOf(init: Buffer, segment: Buffer): number {
  const file = createFile(true);
  const bytes = Buffer.concat([init, segment]);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  file.appendBuffer(Object.assign(buffer, { fileStart: 0 }) as never, true);
  file.flush();
  return file.getTrackSamplesInfo(file.getInfo().tracks[0]?.id ?? 1).length;
}
