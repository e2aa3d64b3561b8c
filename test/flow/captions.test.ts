import { XMLParser } from 'fast-xml-parser';
import HLS, { type types } from 'hls-parser';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { spliceInsert } from '../../src/media/splice-info.fixture.js';
import { cleanUp, startBox, type TestBox, until } from '../box.js';
import { openBrowser } from '../browser.js';
import { captionedStream, captionsIn, line21Of, pushStream, RATE } from '../captioned-stream.js';
import { judgeHls } from '../judges.js';
import { wholeSegments } from '../playlists.js';

/** A broadcaster sends captions, cues and timed ID3 over SRT; viewers see them where they belong. */

/** Pictures of the source: when it says something, and of which picture. */
const [OUT_TOLD, OUT_AT, IN_TOLD, IN_AT, TAG_AT, CAPTIONS_FROM] = [50, 150, 160, 225, 125, 60];
const TICKS = 90_000 / RATE;
const FRAME_MS = 1000 / RATE;
const TAG = Buffer.from('49443304000000000014545858580000000a00000374736f6e67003137', 'hex');
const section = (out: boolean, at: number) => (firstPts: number) =>
  spliceInsert({ eventId: 4711, out, pts: firstPts + at * TICKS, ...(out ? { breakTicks: 75 * TICKS } : {}) });

let box: TestBox;
let browser: Browser;
let page: Page;
let channel: {
  readonly hlsUrl: string;
  readonly dashUrl: string;
  readonly watchUrl: string;
  readonly streamKey: string;
};
let push: { stop(): Promise<void> };
let firstPts: number;

beforeAll(async () => {
  // A window that holds all that happens, and two rungs.
  const sets = [
    'transcode.pixelsPerSecond=60000000',
    'transcode.hardware=off',
    'live.graceSec=0',
    'live.windowSegments=20',
  ];
  const insertions = [
    { before: OUT_TOLD, kind: 'section', bytes: section(true, OUT_AT) },
    { before: OUT_TOLD + RATE, kind: 'section', bytes: section(true, OUT_AT) },
    { before: IN_TOLD, kind: 'section', bytes: section(false, IN_AT) },
    { before: TAG_AT, kind: 'tag', at: TAG_AT, bytes: () => TAG },
  ] as const;
  const making = captionedStream({ seconds: 40, size: '960x540', captionsFrom: CAPTIONS_FROM, insertions });
  [box, browser] = await Promise.all([startBox({ args: sets.flatMap((each) => ['--set', each]) }), openBrowser()]);
  channel = await box.json('channel', 'create', 'news');
  const stream = await making;
  firstPts = stream.firstPts;
  push = pushStream(stream, `srt://${box.ready.srt}?streamid=${channel.streamKey}`);
  page = await browser.newPage();
  await until(
    async () => (await fetch(channel.hlsUrl)).ok,
    60_000,
    () => box.printed().slice(-5000),
  );
  await page.goto(channel.watchUrl);
}, 90_000);

afterAll(async () => {
  await push?.stop();
  await browser?.close();
  await cleanUp();
});

const textAt = async (url: string | URL) => (await fetch(url)).text();
const videoUris = async () => {
  const { variants } = HLS.parse(await textAt(channel.hlsUrl)) as types.MasterPlaylist;
  return variants.map(({ uri }) => new URL(uri, channel.hlsUrl));
};

interface Tag {
  readonly [attribute: string]: string;
}

/** All EXT-X-DATERANGE tags, which the parser keeps one of a segment. */
function dateRanges(playlist: string): Tag[] {
  return [...playlist.matchAll(/^#EXT-X-DATERANGE:(.*)$/gm)].map(([, attributes = '']) => {
    const pairs = [...attributes.matchAll(/([A-Z0-9-]+)=(?:"([^"]*)"|([^,]*))/g)];
    return Object.fromEntries(pairs.map(([, name, quoted, plain]) => [name, quoted ?? plain]));
  });
}

/** By the number of the source's picture: when it is shown, epoch ms, by a playlist and the pictures themselves. */
async function wallClockOfPictures(uri: URL): Promise<Map<number, { at: number; line21: string }>> {
  const pictures = new Map<number, { at: number; line21: string }>();
  const segments = wholeSegments(HLS.parse(await textAt(uri)) as types.MediaPlaylist);
  for (const { uri: own, programDateTime } of segments) {
    const answer = await fetch(new URL(own, uri));
    const captions = answer.ok ? captionsIn(Buffer.from(await answer.arrayBuffer())) : [];
    captions.forEach(({ number, line21 }, index) => {
      pictures.set(number, { line21, at: (programDateTime?.getTime() ?? 0) + index * FRAME_MS });
    });
  }
  return pictures;
}

it('says in the multivariant playlist and the MPD which captions there are', async () => {
  await until(
    async () => (await textAt(channel.hlsUrl)).includes('CLOSED-CAPTIONS'),
    60_000,
    () => box.printed().slice(-5000),
  );
  const { master } = await judgeHls(channel.hlsUrl);
  expect(master.variants.length).toBeGreaterThan(1);
  for (const { closedCaptions } of master.variants) expect(closedCaptions).toMatchObject([{ instreamId: 'CC1' }]);
  expect(await textAt(channel.dashUrl)).toContain(
    '<Accessibility schemeIdUri="urn:scte:dash:cc:cea-608:2015" value="CC1=und"/>',
  );
});

const captionsShown = () =>
  page.evaluate<string[]>(`[...(document.querySelector('video')?.textTracks ?? [])].flatMap((track) => {
      if (track.kind !== 'captions') return [];
      if (track.mode === 'disabled') track.mode = 'hidden';
      return [...(track.cues ?? [])].map((cue) => cue.text);
    })`);

it('shows them as a text track of the watch page’s player', async () => {
  await until(
    async () => (await captionsShown()).some((text) => text.includes('HELLO')),
    60_000,
    () => box.printed().slice(-5000),
    200,
  );
});

it('tells cues and tags in every playlist, at the time of the picture that they name', async () => {
  const uris = await videoUris();
  const [top] = uris as [URL];
  const isWhole = async () => dateRanges(await textAt(top)).some((tag) => tag['SCTE35-IN'] !== undefined);
  await until(isWhole, 60_000, () => box.printed().slice(-5000));
  await until(async () => (await wallClockOfPictures(top)).has(IN_AT), 60_000);
  const pictures = await wallClockOfPictures(top);
  const near = (date: string | undefined, picture: number) =>
    expect(Math.abs(Date.parse(date ?? '') - (pictures.get(picture)?.at ?? 0))).toBeLessThanOrEqual(FRAME_MS);
  const { audio } = (HLS.parse(await textAt(channel.hlsUrl)) as types.MasterPlaylist).variants[0] ?? { audio: [] };
  for (const uri of [...uris, new URL(audio[0]?.uri ?? '', channel.hlsUrl)]) {
    const tags = dateRanges(await textAt(uri));
    const [tag, out, back] = [...tags].sort((a, b) => Number('CLASS' in b) - Number('CLASS' in a));
    expect(tags).toHaveLength(3);
    expect(tag).toMatchObject({ CLASS: 'org.headwater.id3', DURATION: '0', 'X-ID3': TAG.toString('base64') });
    near(tag?.['START-DATE'], TAG_AT);
    expect(out?.['SCTE35-OUT']).toBe(`0x${section(true, OUT_AT)(firstPts).toString('hex').toUpperCase()}`);
    expect(out?.['PLANNED-DURATION']).toBe('3.000');
    near(out?.['START-DATE'], OUT_AT);
    expect(back).toMatchObject({ ID: out?.ID, 'START-DATE': out?.['START-DATE'] });
    expect(back?.['SCTE35-IN']).toBe(`0x${section(false, IN_AT)(firstPts).toString('hex').toUpperCase()}`);
    near(back?.['END-DATE'], IN_AT);
    expect(Math.abs(Number(back?.DURATION) * 1000 - (IN_AT - OUT_AT) * FRAME_MS)).toBeLessThanOrEqual(1);
  }
  await judgeHls(channel.hlsUrl);
});

it('keeps every byte of the captions in every rung, each with its picture', async () => {
  const rungs = await Promise.all((await videoUris()).map(wallClockOfPictures));
  for (const pictures of rungs) {
    expect(pictures.size).toBeGreaterThan(IN_AT - CAPTIONS_FROM);
    for (const [number, { line21 }] of pictures)
      expect(line21, `picture ${number}`).toBe(line21Of(number, CAPTIONS_FROM));
  }
});

it('tells the same as events of the MPD', async () => {
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '',
    isArray: (name) => LISTS.includes(name),
  });
  const { MPD } = parser.parse(await textAt(channel.dashUrl));
  const [period] = MPD.Period;
  const streams = new Map<
    string,
    { Event: Record<string, unknown>[]; presentationTimeOffset: string; timescale: string }
  >(period.EventStream.map((stream: { schemeIdUri: string }) => [stream.schemeIdUri, stream]));
  const cues = streams.get('urn:scte:scte35:2014:xml+bin');
  const binary = (out: boolean, at: number) => section(out, at)(firstPts).toString('base64');
  expect(cues?.Event).toMatchObject([
    { duration: '3000', Signal: { Binary: binary(true, OUT_AT) } },
    { Signal: { Binary: binary(false, IN_AT) } },
  ]);
  const [tag] = streams.get('https://aomedia.org/emsg/ID3')?.Event ?? [];
  expect(tag).toMatchObject({ contentEncoding: 'base64', '#text': TAG.toString('base64') });
  // By the manifest's own zero: an event of the period and the tag of the playlist name one moment.
  const startMs = Date.parse(MPD.availabilityStartTime) + Number(/^PT([\d.]+)S$/.exec(period.start)?.[1]) * 1000;
  const inPeriod = Number(cues?.Event[0]?.presentationTime) - Number(cues?.presentationTimeOffset);
  const [top] = (await videoUris()) as [URL];
  const out = dateRanges(await textAt(top)).find((each) => each['SCTE35-OUT'] !== undefined);
  expect(Math.abs(startMs + inPeriod - Date.parse(out?.['START-DATE'] ?? ''))).toBeLessThanOrEqual(2);
});

it('goes on showing captions that are longer than a part of a segment', async () => {
  await until(
    async () => (await captionsShown()).filter((text) => text.includes('HELLO')).length > 2,
    60_000,
    () => box.printed().slice(-5000),
    200,
  );
});

const LISTS = ['Period', 'EventStream', 'Event'];
