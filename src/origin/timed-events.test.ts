import fc from 'fast-check';
import { XMLParser } from 'fast-xml-parser';
import HLS, { type types } from 'hls-parser';
import { describe, expect, it } from 'vitest';
import { spliceCancel, spliceInsert, timeSignal } from '../media/splice-info.fixture.js';
import { eventStreams } from './dash/event-stream.js';
import { dateRangeTags } from './hls/date-range.js';
import { writeMediaPlaylist } from './hls/media-playlist.js';
import { TimedEvents } from './timed-events.js';

HLS.setOptions({ strictMode: true });

const ID = 'b_0123456789abcdef';
const ALL = [0, Number.POSITIVE_INFINITY] as const;
const cue = (atMs: number, data: Buffer) => ({ atMs, kind: 'scte35', data }) as const;
const insert = (eventId: number, out: boolean, pts: number, breakTicks?: number) => {
  return spliceInsert({ eventId, out, pts, ...(breakTicks === undefined ? {} : { breakTicks }) });
};
const hexOf = (data: Buffer) => `0x${data.toString('hex').toUpperCase()}`;

function told(...messages: Parameters<TimedEvents['add']>[0][]): TimedEvents {
  const events = new TimedEvents(ID);
  for (const message of messages) events.add(message);
  return events;
}

function tagsOf(events: TimedEvents, zeroAt = 1_700_000_000_000): string[] {
  return events.dateRangesWithin(...ALL).flatMap((range) => dateRangeTags({ range, zeroAt }));
}

describe('a splice', () => {
  const out = insert(7, true, 90_000, 2_700_000);
  const back = insert(7, false, 2_700_000);

  it('opens a range, and its return closes that very range by a tag of the same ID', () => {
    const events = told(cue(10_000, out));
    const opened = tagsOf(events);
    expect(opened).toEqual([
      `#EXT-X-DATERANGE:ID="splice-7-insert-${ID}-0",START-DATE="2023-11-14T22:13:30.000Z",PLANNED-DURATION=30.000,SCTE35-OUT=${hexOf(out)}`,
    ]);
    events.add(cue(38_480, back));
    expect(tagsOf(events)).toEqual([
      ...opened,
      `#EXT-X-DATERANGE:ID="splice-7-insert-${ID}-0",START-DATE="2023-11-14T22:13:30.000Z",END-DATE="2023-11-14T22:13:58.480Z",DURATION=28.480,SCTE35-IN=${hexOf(back)}`,
    ]);
  });

  it('told again, or its return, makes no second range', () => {
    const again = spliceInsert({ eventId: 7, out: true, pts: 0, breakTicks: 2_700_000, adjustment: 90_000 });
    const events = told(cue(10_000, out), cue(10_001, again), cue(38_480, back), cue(38_481, insert(7, false, 5)));
    expect(events.dateRangesWithin(...ALL)).toMatchObject([{ startMs: 10_000, endMs: 38_480, plannedMs: 30_000 }]);
    expect(events.eventsWithin(...ALL)).toHaveLength(2);
  });

  it('that is called off does not appear, unless it has begun', () => {
    expect(tagsOf(told(cue(10_000, out), cue(8000, spliceCancel(7))))).toEqual([]);
    expect(told(cue(10_000, out), cue(8000, spliceCancel(7))).eventsWithin(...ALL)).toEqual([]);
    expect(tagsOf(told(cue(10_000, out), cue(12_000, spliceCancel(7))))).toHaveLength(1);
    expect(tagsOf(told(cue(10_000, out), cue(8000, spliceCancel(8))))).toHaveLength(1);
  });

  it('with an id that was used before is another one', () => {
    const events = told(
      cue(10_000, out),
      cue(40_000, back),
      cue(600_000, insert(7, true, 9)),
      cue(630_000, insert(7, false, 8)),
    );
    const ranges = events.dateRangesWithin(...ALL);
    expect(ranges.map(({ startMs, endMs }) => [startMs, endMs])).toEqual([
      [10_000, 40_000],
      [600_000, 630_000],
    ]);
    expect(new Set(ranges.map(({ id }) => id)).size).toBe(2);
  });

  it('by time signals is a range for each kind of segment; what is no splice is a command', () => {
    const begin = timeSignal(1, [
      { eventId: 1, type: 0x22, durationTicks: 900_000 },
      { eventId: 2, type: 0x30, durationTicks: 450_000 },
    ]);
    const end = timeSignal(2, [{ eventId: 2, type: 0x31 }]);
    const programme = timeSignal(3, [{ eventId: 5, type: 0x10 }]);
    const events = told(cue(1000, begin), cue(6000, end), cue(9000, programme), cue(9500, insert(99, false, 4)));
    expect(events.dateRangesWithin(...ALL)).toMatchObject([
      { kind: 'splice', startMs: 1000, endMs: null, plannedMs: 10_000, data: begin },
      { kind: 'splice', startMs: 1000, endMs: 6000, plannedMs: 5000, data: begin, back: end },
      { kind: 'command', startMs: 9000, data: programme },
      { kind: 'command', startMs: 9500 },
    ]);
  });
});

describe('what was told', () => {
  const out = insert(7, true, 90_000, 2_700_000);
  const tag = { atMs: 5000, kind: 'id3', data: Buffer.from('ID3\u0004hello') } as const;

  it('is listed where it overlaps, and ahead of its time', () => {
    const events = told(tag, cue(10_000, out), cue(20_000, insert(8, true, 1)));
    const kinds = (from: number, to: number) => events.dateRangesWithin(from, to).map(({ startMs }) => startMs);
    expect(kinds(0, Number.POSITIVE_INFINITY)).toEqual([5000, 10_000, 20_000]);
    expect(kinds(5001, 15_000)).toEqual([10_000]);
    // The one is planned to end at 40 s; of the other nobody knows.
    expect(kinds(40_001, 50_000)).toEqual([20_000]);
    expect(events.eventsWithin(5000, 20_000).map(({ atMs }) => atMs)).toEqual([5000, 10_000]);
    expect(events.eventsWithin(41_000, 50_000)).toEqual([]);
  });

  it('comes back from what was written down, and goes on', () => {
    const events = told(tag, cue(10_000, out));
    events.noteCaptions({ cea608: [1], cea708: [] });
    const restored = TimedEvents.restored(ID, events.serialise());
    if (restored === null) throw new Error('not restored');
    expect(restored.captions).toEqual({ cea608: [1], cea708: [] });
    expect(tagsOf(restored)).toEqual(tagsOf(events));
    restored.add(cue(40_000, insert(7, false, 2)));
    events.add(cue(40_000, insert(7, false, 2)));
    expect(restored.serialise()).toBe(events.serialise());
    for (const text of ['', '{', 'null', '{"events":3}', '[]']) expect(TimedEvents.restored(ID, text)).toBeNull();
  });

  it('has nothing left of a pair that was called off', () => {
    const events = told(cue(0, out), cue(0, insert(7, false, 3)), cue(0, spliceCancel(7)));
    expect(events.dateRangesWithin(...ALL)).toEqual([]);
    expect(events.eventsWithin(...ALL)).toEqual([]);
  });

  it('is bounded, the oldest goes first', () => {
    const events = new TimedEvents(ID);
    for (let index = 0; index < 1500; index++) events.add({ ...tag, atMs: index });
    expect(events.eventsWithin(...ALL)).toHaveLength(1000);
    expect(events.dateRangesWithin(...ALL)[0]?.startMs).toBe(500);
    for (let index = 0; index < 1500; index++) events.add({ ...tag, atMs: index, data: Buffer.alloc(4096) });
    expect(events.eventsWithin(...ALL)).toHaveLength(128);
    expect(events.dateRangesWithin(...ALL)).toHaveLength(128);
  });

  it('may be any bytes in any order', () => {
    const sections = [
      out,
      insert(7, false, 3),
      spliceCancel(7),
      timeSignal(1, [{ eventId: 7, type: 0x34 }]),
      Buffer.alloc(9),
    ];
    const message = fc.record({ atMs: fc.nat(60_000), data: fc.constantFrom(...sections) });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 40 }), (messages) => {
        const events = told(...messages.map(({ atMs, data }) => cue(atMs, data)));
        const ranges = events.dateRangesWithin(...ALL);
        expect(new Set(ranges.map(({ id }) => id)).size).toBe(ranges.length);
        for (const { startMs, endMs } of ranges) expect(endMs ?? startMs).toBeGreaterThanOrEqual(startMs);
        expect(TimedEvents.restored(ID, events.serialise())?.eventsWithin(...ALL)).toEqual(events.eventsWithin(...ALL));
      }),
      { numRuns: 300 },
    );
  });

  it('is in playlists that a strict parser takes', () => {
    const events = told(tag, cue(10_000, out), cue(38_480, insert(7, false, 9)), { ...tag, atMs: 5000 });
    const zeroAt = 1_700_000_000_123.4;
    const text = writeMediaPlaylist({
      ...{ mediaSequence: 1, targetDurationSec: 2, type: 'window', ended: false },
      dateRanges: events.dateRangesWithin(...ALL).map((range) => ({ range, zeroAt })),
      segments: [
        {
          uri: '1.m4s',
          durationSec: 2,
          initUri: 'i.mp4',
          discontinuity: 0,
          programDateTime: zeroAt + 4000,
          gap: false,
        },
      ],
    });
    const { segments } = HLS.parse(text) as types.MediaPlaylist;
    expect(segments[0]?.dateRange).toMatchObject({ classId: 'org.headwater.id3', duration: 0 });
    expect(text.match(/#EXT-X-DATERANGE/g)).toHaveLength(4);
    const splice = text.replace(/#EXT-X-DATERANGE:ID="id3.*\n/g, '');
    expect((HLS.parse(splice) as types.MediaPlaylist).segments[0]?.dateRange).toMatchObject({ duration: 28.48 });
    expect(text).toContain(`X-ID3="${tag.data.toString('base64')}"`);
  });

  it('is in event streams of a period, by scheme', () => {
    const events = told(tag, cue(10_000, out)).eventsWithin(...ALL);
    const xml = `<P>${eventStreams({ broadcastId: ID, periodStartMs: 4000, events }).join('')}</P>`;
    const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '' });
    const [cues, tags] = parser.parse(xml).P.EventStream;
    expect(cues).toMatchObject({
      ...{ schemeIdUri: 'urn:scte:scte35:2014:xml+bin', timescale: '1000', presentationTimeOffset: '4000' },
      Event: { presentationTime: '10000', duration: '30000', Signal: { Binary: out.toString('base64') } },
    });
    expect(tags).toMatchObject({
      schemeIdUri: 'https://aomedia.org/emsg/ID3',
      Event: { presentationTime: '5000', contentEncoding: 'base64', '#text': tag.data.toString('base64') },
    });
    expect(cues.Event.id).not.toBe(tags.Event.id);
  });
});
