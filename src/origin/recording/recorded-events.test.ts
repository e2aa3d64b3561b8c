import { XMLParser } from 'fast-xml-parser';
import HLS, { type types } from 'hls-parser';
import { describe, expect, it } from 'vitest';
import { spliceInsert } from '../../media/splice-info.fixture.js';
import { TimedEvents } from '../timed-events.js';
import { readArchive, writeArchive } from './archive-file.js';
import { BroadcastIndex } from './broadcast-index.js';
import { aRun, aSegment, BROADCAST, STARTED_AT } from './index.fixture.js';
import { recordedDashManifest } from './recorded-dash.js';
import { recordedMultivariant } from './recorded-hls.js';
import { recordedMediaPlaylist } from './recorded-media-playlist.js';
import { type RecordedView, spansFrom } from './recorded-span.js';
import { SegmentTexts } from './segment-texts.js';

HLS.setOptions({ strictMode: true });
const texts = new SegmentTexts();

/** Twelve seconds, a pause of eight, and twelve more. */
function anIndex(): BroadcastIndex {
  const index = new BroadcastIndex(BROADCAST, 'c');
  const runs = [aRun(), aRun({ run: 2, firstNumber: 6, atSec: 20 })];
  for (const [at, run] of runs.entries()) {
    for (const id of ['v360', 'audio']) {
      for (let number = at * 6; number < at * 6 + 6; number += 1) index.add(aSegment(run, id, number));
    }
  }
  return index;
}

/** A break from 4 s to 8 s, a tag in the pause, one in the second run, and a break that is announced for after the end. */
function anEvening(): TimedEvents {
  const events = new TimedEvents(BROADCAST);
  const cue = (atMs: number, out: boolean, eventId: number) =>
    events.add({ atMs, kind: 'scte35', data: spliceInsert({ eventId, out, pts: 90 * atMs }) });
  const tag = (atMs: number) => events.add({ atMs, kind: 'id3', data: Buffer.from(`ID3 at ${atMs}`) });
  cue(4000, true, 1);
  cue(8000, false, 1);
  tag(15_000);
  tag(24_000);
  cue(40_000, true, 2);
  return events;
}

const index = anIndex();
const evening = anEvening();

function viewOf(state: RecordedView['state'], first = 0, told: TimedEvents | null = evening): RecordedView {
  const eventsOf = (broadcastId: string) => (broadcastId === BROADCAST ? told : null);
  return { spans: spansFrom([index], first), whole: first === 0, state, eventsOf };
}

const playlist = (view: RecordedView) => recordedMediaPlaylist(view, 'v360', texts) ?? '';
const starts = (text: string) =>
  [...text.matchAll(/ID="(id3|splice-\d).*START-DATE="([^"]+)"/g)].map(
    ([, id, date]) => `${id} ${(Date.parse(date ?? '') - STARTED_AT) / 1000}`,
  );

describe('date ranges of a recording', () => {
  it('are those of the time that is listed, those of pauses too, and what lies ahead while more may come', () => {
    const listed = ['splice-1 4', 'splice-1 4', 'id3 15', 'id3 24', 'splice-2 40'];
    expect(starts(playlist(viewOf('live')))).toEqual(listed);
    expect(starts(playlist(viewOf('live', 5)))).toEqual(listed.slice(2));
    // A break that nothing was broadcast of is none of the video's.
    expect(starts(playlist(viewOf('vod')))).toEqual(listed.slice(0, 4));
  });

  it('stand on the clock that the segments have, for a strict parser', () => {
    for (const state of ['live', 'ended', 'vod'] as const) {
      const tags = playlist(viewOf(state)).replaceAll(/#EXT-X-DATERANGE:ID="(?!splice-1).*\n/g, '');
      const { segments } = HLS.parse(tags) as types.MediaPlaylist;
      expect(segments[0]?.programDateTime?.getTime()).toBe(STARTED_AT);
      expect(segments[0]?.dateRange).toMatchObject({ duration: 4 });
      expect(segments[6]).toMatchObject({ discontinuity: true });
    }
  });

  it('are the same out of the archive', () => {
    const again = readArchive(writeArchive({ index, told: evening }, true));
    if (again === null) throw new Error('not read');
    const view: RecordedView = { ...viewOf('vod'), spans: spansFrom([again.index], 0), eventsOf: () => again.told };
    expect(playlist(view)).toBe(playlist(viewOf('vod')));
  });
});

describe('events in the MPD of a recording', () => {
  interface Period {
    readonly start: string;
    readonly EventStream: { presentationTimeOffset: string; Event: unknown }[] | { Event: unknown } | undefined;
  }
  const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '' });
  const timing = { zeroOfTime: STARTED_AT, publishTime: STARTED_AT, timeShiftBufferSec: 60 };
  const periodsOf = (view: RecordedView): { start: string; offset: unknown; times: string[] }[] =>
    [parser.parse(recordedDashManifest(view, timing) ?? '').MPD.Period].flat().map((period: Period) => {
      const streams = [period.EventStream ?? []].flat() as { presentationTimeOffset: string; Event: unknown }[];
      const events = streams.flatMap(({ Event }) => [Event].flat()) as { presentationTime: string }[];
      return {
        start: period.start,
        offset: streams[0]?.presentationTimeOffset,
        times: events.map(({ presentationTime }) => presentationTime).sort((a, b) => Number(a) - Number(b)),
      };
    });

  it('belong to the period that they fall into, and those ahead to the last one', () => {
    expect(periodsOf(viewOf('live'))).toEqual([
      { start: 'PT0S', offset: '0', times: ['4000', '8000', '15000'] },
      { start: 'PT20S', offset: '20000', times: ['24000', '40000'] },
    ]);
  });

  it('keep their place in the media where the pauses between runs are left out', () => {
    expect(periodsOf(viewOf('vod'))).toEqual([
      { start: 'PT0S', offset: '0', times: ['4000', '8000'] },
      { start: 'PT12S', offset: '20000', times: ['24000'] },
    ]);
  });
});

describe('captions of a recording', () => {
  const uriOf = (id: string) => id;

  it('are named where there are any, and denied once it is known that there were none', () => {
    expect(recordedMultivariant(viewOf('live'), uriOf)).not.toContain('CLOSED-CAPTIONS');
    expect(recordedMultivariant(viewOf('vod'), uriOf)).toContain('CLOSED-CAPTIONS=NONE');
    expect(recordedMultivariant(viewOf('vod', 0, null), uriOf)).toContain('CLOSED-CAPTIONS=NONE');
    const captioned = anEvening();
    captioned.noteCaptions({ cea608: [1], cea708: [] });
    expect(recordedMultivariant(viewOf('live', 0, captioned), uriOf)).toContain('INSTREAM-ID="CC1"');
    const again = readArchive(writeArchive({ index, told: captioned }, true));
    const view = { ...viewOf('vod'), eventsOf: () => again?.told ?? null };
    expect(recordedMultivariant(view, uriOf)).toContain('CLOSED-CAPTIONS="cc"');
    const timing = { zeroOfTime: 0, publishTime: 0, timeShiftBufferSec: null };
    expect(recordedDashManifest(view, timing)).toContain('urn:scte:dash:cc:cea-608:2015');
  });
});
