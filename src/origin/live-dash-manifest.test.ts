import { XMLParser } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import type { InitSegment } from './cmaf/init-segment.js';
import { dashPhase, liveDashManifest } from './live-dash-manifest.js';
import type { LiveRun } from './live-segment.js';
import { LiveWindow } from './live-window.js';
import { RENDITIONS } from './origin.fixture.js';

const EPOCH = 1_700_000_000_000;
const OFFSET_SEC = 10;
const SEGMENT_SEC = 2;
const TIMESCALE = 48_000;
/** What the encoder takes. */
const LAG_MS = 250;

const parser = new XMLParser({
  ...{ ignoreAttributes: false, attributeNamePrefix: '', parseAttributeValue: false },
  isArray: (name) => ['Period', 'AdaptationSet', 'Representation', 'S'].includes(name),
});

function makeWindow(): LiveWindow {
  return new LiveWindow({ channel: 'c', windowSegments: 5, memoryBytesMax: 1e9 });
}

function openRun(window: LiveWindow, facts: Partial<LiveRun> = {}): LiveRun {
  const timing = { startedAt: EPOCH, timelineOffsetSec: OFFSET_SEC, segmentSec: SEGMENT_SEC };
  const run = window.openRun(
    { broadcastId: 'b_1', ...timing, grid: true, partSec: 0.2, renditions: RENDITIONS, ...facts },
    EPOCH,
  );
  for (const { id, kind } of RENDITIONS) {
    const init: Partial<InitSegment> = { kind, timescale: TIMESCALE, codecs: `${kind}.1`, bytes: Buffer.alloc(1) };
    window.header(run, id, init as InitSegment);
  }
  return run;
}

interface Slot {
  /** Of the timeline, seconds; else the grid's. */
  readonly from?: number;
  readonly to?: number;
  readonly ids?: readonly string[];
}

const IDS = RENDITIONS.map(({ id }) => id);

/** A whole segment of each rendition, announced when the encoder had it. */
function give(window: LiveWindow, run: LiveRun, slot: number, { from, to, ids = IDS }: Slot = {}): void {
  const startSec = from ?? slot * SEGMENT_SEC;
  const endSec = to ?? (slot + 1) * SEGMENT_SEC;
  const start = (startSec + OFFSET_SEC) * TIMESCALE;
  for (const rendition of IDS) window.opened(run, { rendition, slot, startSec: startSec + OFFSET_SEC });
  for (const rendition of ids) {
    const number = window.numberFor(run, slot) ?? Number.NaN;
    const times = { start, duration: (endSec - startSec) * TIMESCALE, timescale: TIMESCALE };
    const facts = { number, run, rendition, ...times, size: 1, spooled: true, gap: false, parts: [] };
    window.announce({ ...facts, bytes: Buffer.alloc(1) }, EPOCH + endSec * 1000 + LAG_MS);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a parsed document
type Xml = any;

function manifestOf(window: LiveWindow, now = 0): Xml {
  return parser.parse(liveDashManifest(window, now) ?? '').MPD;
}

const seconds = (duration: string) => Number(/^PT(.*)S$/.exec(duration)?.[1]);
const templateOf = (period: Xml) => period.AdaptationSet[0].Representation[0].SegmentTemplate;

/** Of the newest segment that a player may ask for (DASH-IF IOP part 5, §8.3; ISO/IEC 23009-1 §5.3.9.5.3). */
function newestAvailable(MPD: Xml, now: number): number {
  const period = MPD.Period.at(-1);
  const { duration, timescale, availabilityTimeOffset, startNumber } = templateOf(period);
  const elapsedSec = (now - Date.parse(MPD.availabilityStartTime)) / 1000 - seconds(period.start);
  return Number(startNumber) + Math.floor((elapsedSec + Number(availabilityTimeOffset)) / (duration / timescale)) - 1;
}

/** Where the presentation has a time of the media, epoch ms: the encoder's own clock, whatever period it is in. */
function wallClock(MPD: Xml, period: Xml, mediaSec: number): number {
  const { presentationTimeOffset, timescale } = templateOf(period);
  const startSec = seconds(period.start) + mediaSec - presentationTimeOffset / timescale;
  return Date.parse(MPD.availabilityStartTime) + startSec * 1000;
}

describe('the MPD of a broadcast that is followed', () => {
  it('lets each segment be asked for when its first part is there, and not before', () => {
    const window = makeWindow();
    const run = openRun(window);
    give(window, run, 0);
    give(window, run, 1);
    const MPD = manifestOf(window);
    const template = templateOf(MPD.Period[0]);
    expect(template).toMatchObject({ availabilityTimeOffset: '1.5', availabilityTimeComplete: 'false' });
    expect(template.SegmentTimeline).toBeUndefined();
    const firstPartMs = EPOCH + 4000 + 200 + LAG_MS;
    expect(newestAvailable(MPD, firstPartMs - 1 - LAG_MS)).toBe(1);
    expect(newestAvailable(MPD, firstPartMs + 100)).toBe(2);
    expect(newestAvailable(MPD, firstPartMs + 2000 + 100)).toBe(3);
  });

  it('asks players to stay as far behind as the encoder is, and a few parts', () => {
    const window = makeWindow();
    give(window, openRun(window), 0);
    const { ServiceDescription, suggestedPresentationDelay, Period } = manifestOf(window);
    expect(ServiceDescription.Latency).toMatchObject({ target: '900', min: '700', max: '4900' });
    expect(suggestedPresentationDelay).toBeUndefined();
    const [set] = Period[0].AdaptationSet;
    expect(set.Resync).toEqual({ type: '0', dT: '200000', marker: 'true' });
    const { wallClockTime, presentationTime } = set.ProducerReferenceTime;
    expect(Date.parse(wallClockTime)).toBe(EPOCH);
    expect(Number(presentationTime)).toBe(OFFSET_SEC * 1_000_000);
  });

  it('begins a period at the next line where the source came between two', () => {
    const window = makeWindow();
    const run = openRun(window);
    give(window, run, 0, { from: 1.2 });
    give(window, run, 1);
    const MPD = manifestOf(window);
    expect(MPD.Period.map(({ start }: Xml) => seconds(start))).toEqual([11.2, 12]);
    expect(MPD.Period.map((period: Xml) => templateOf(period).startNumber)).toEqual(['0', '1']);
    expect(templateOf(MPD.Period[0]).duration).toBe('800000');
    for (const [at, mediaSec] of [11.2, 12].entries()) {
      expect(wallClock(MPD, MPD.Period[at], mediaSec)).toBe(EPOCH + (mediaSec - OFFSET_SEC) * 1000);
    }
  });

  it('begins a period behind a gap of any rendition, and names none of the numbers between', () => {
    const window = makeWindow();
    const run = openRun(window);
    for (const slot of [0, 1]) give(window, run, slot);
    give(window, run, 2, { ids: ['v180', 'audio'] });
    give(window, run, 3);
    const MPD = manifestOf(window);
    expect(MPD.Period.map(({ start, duration }: Xml) => [start, duration])).toEqual([
      ['PT10S', 'PT4S'],
      ['PT16S', undefined],
    ]);
    expect(templateOf(MPD.Period[1]).startNumber).toBe('3');
    expect(wallClock(MPD, MPD.Period[1], 16)).toBe(EPOCH + 6000);
  });

  it('begins a period with each run, and says where the one before it ended', () => {
    const window = makeWindow();
    const first = openRun(window);
    give(window, first, 0);
    give(window, first, 1, { to: 2.6 });
    const second = openRun(window);
    give(window, second, 3, { from: 7 });
    give(window, second, 4);
    const MPD = manifestOf(window);
    const spans = MPD.Period.map(({ start, duration }: Xml) => [start, duration]);
    expect(spans.slice(0, 2)).toEqual([
      ['PT10S', 'PT2.6S'],
      ['PT17S', undefined],
    ]);
    expect(new Set(MPD.Period.map(({ id }: Xml) => id)).size).toBe(3);
    expect(templateOf(MPD.Period[1])).toMatchObject({ startNumber: '2', duration: '1000000' });
    expect(templateOf(MPD.Period[1]).initialization).toMatch(/init-2\.mp4$/);
    for (const period of MPD.Period) {
      const mediaSec = Number(templateOf(period).presentationTimeOffset) / 1_000_000;
      expect(wallClock(MPD, period, mediaSec)).toBe(EPOCH + (mediaSec - OFFSET_SEC) * 1000);
    }
  });

  it('says where the end is, and is static a moment later', () => {
    const window = makeWindow();
    const run = openRun(window);
    give(window, run, 0);
    give(window, run, 1, { to: 3.0007 });
    // Sound that ends a little behind a line has no segment there.
    give(window, run, 2, { from: 3.0007, to: 3.0007 + 0.5, ids: ['v180', 'v90'] });
    const endedAt = EPOCH + 4000;
    window.endBroadcast('b_1', endedAt);
    expect(dashPhase(window, endedAt + 1)).toBe('ending');
    const ending = manifestOf(window, endedAt + 1);
    expect(ending).toMatchObject({ type: 'dynamic', mediaPresentationDuration: 'PT13S', minimumUpdatePeriod: 'PT2S' });
    expect(ending.Period.at(-1).duration).toBe('PT3S');
    const over = manifestOf(window, endedAt + 60_000);
    expect(over).toMatchObject({ type: 'static', mediaPresentationDuration: 'PT13S' });
    expect(over.ServiceDescription).toBeUndefined();
    expect(over.Period[0].id).not.toBe(ending.Period[0].id);
    expect(templateOf(over.Period[0]).SegmentTimeline.S.length).toBeGreaterThan(0);
  });
});

describe('the MPD of a broadcast whose segments come whole', () => {
  it.each([
    ['low latency is off', { partSec: null }],
    ['the source places the keys', { grid: false }],
  ])('lists them when %s', (_why, facts) => {
    const window = makeWindow();
    const run = openRun(window, facts);
    for (const slot of [0, 1, 2]) give(window, run, slot);
    const MPD = manifestOf(window);
    expect(MPD).toMatchObject({ type: 'dynamic', suggestedPresentationDelay: 'PT6S' });
    expect(MPD.profiles).toBe('urn:mpeg:dash:profile:isoff-live:2011');
    expect(MPD.ServiceDescription).toBeUndefined();
    const template = templateOf(MPD.Period[0]);
    expect(template.availabilityTimeOffset).toBeUndefined();
    expect(template.SegmentTimeline.S).toEqual([{ t: '480000', d: '96000', r: '2' }]);
    expect(wallClock(MPD, MPD.Period[0], 12)).toBe(EPOCH + 2000);
    window.endBroadcast('b_1', EPOCH + 6000);
    expect(dashPhase(window, EPOCH + 6001)).toBe('over');
  });
});
