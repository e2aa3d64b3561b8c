import HLS, { type types } from 'hls-parser';
import { describe, expect, it } from 'vitest';
import { readArchive, writeArchive } from './archive-file.js';
import { BroadcastIndex } from './broadcast-index.js';
import { AUDIO, aRun, aSegment, BROADCAST, STARTED_AT, V360, V720 } from './index.fixture.js';
import { keyPictures } from './key-pictures.js';
import { playingSec, recordedDashManifest } from './recorded-dash.js';
import { recordedMultivariant } from './recorded-hls.js';
import { recordedMediaPlaylist } from './recorded-media-playlist.js';
import { firstNumberSince, type RecordedView, spansFrom } from './recorded-span.js';
import { Recording } from './recording.js';
import { SegmentTexts } from './segment-texts.js';
import { Tapes } from './tapes.js';

HLS.setOptions({ strictMode: true });
const texts = new SegmentTexts();

function indexOf(numbers: Record<string, number[]>, run = aRun(), index = new BroadcastIndex(BROADCAST, 'c')) {
  for (const [rendition, those] of Object.entries(numbers)) {
    for (const number of those) index.add(aSegment(run, rendition, number));
  }
  return index;
}

const viewOf = (index: BroadcastIndex, state: RecordedView['state'] = 'vod', first = 0): RecordedView => ({
  ...{ spans: spansFrom([index], first), whole: !index.truncated, state, eventsOf: () => null },
});

function playlist(view: RecordedView, rendition: string): types.MediaPlaylist {
  return HLS.parse(recordedMediaPlaylist(view, rendition, texts) ?? '') as types.MediaPlaylist;
}

const names = ({ segments }: types.MediaPlaylist) =>
  segments.map(({ uri, gap }) => (gap ? 'gap' : uri.split('/').slice(-2).join('/')));
const starts = (mpd: string | null) =>
  [...(mpd ?? '').matchAll(/<Period id="b_\w+-(\S+)" start="(\S+)"/g)].map(([, id, at]) => [id, at]);
const timing = { zeroOfTime: STARTED_AT, publishTime: STARTED_AT, timeShiftBufferSec: 60 };

describe('the index of a broadcast', () => {
  it('stands for holes within a run by gaps that share out the time between', () => {
    const index = indexOf({ v360: [0, 1, 4], audio: [0, 1, 2, 3, 4] });
    const rows = [...(index.runs[0]?.tracks.get('v360')?.segments ?? [])];
    expect(rows.map(({ start, duration, bytes }) => [start / 90_000 - 10, duration / 90_000, bytes])).toEqual([
      [0, 2, 1000],
      [2, 2, 1001],
      [4, 2, 0],
      [6, 2, 0],
      [8, 2, 1004],
    ]);
    expect(index.nextNumber).toBe(5);
  });

  it('takes the same segment once, and knows nothing of runs without a place', () => {
    const index = indexOf({ v360: [0, 1, 1, 0] });
    index.add({ ...aSegment({ ...aRun({ run: 2, firstNumber: 2 }), place: null }, 'v360', 2) });
    expect([...(index.runs[0]?.tracks.get('v360')?.segments ?? [])]).toHaveLength(2);
    expect(index.runs).toHaveLength(1);
  });

  it('forgets its front, over runs, and holds a day of many renditions in some megabytes', () => {
    const index = indexOf({ v360: [0, 1, 2], audio: [0, 1, 2] });
    indexOf({ v360: [3, 4], audio: [3, 4] }, aRun({ run: 2, firstNumber: 3, atSec: 10 }), index);
    index.dropBefore(4);
    expect(index.runs.map(({ run }) => run)).toEqual([2]);
    expect(index.truncated).toBe(true);
    const long = new BroadcastIndex(BROADCAST, 'c');
    const run = aRun();
    const before = process.memoryUsage().arrayBuffers;
    for (let number = 0; number < 43_200; number += 1) long.add(aSegment(run, 'v360', number));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 2 ** 20);
    expect(firstNumberSince([long], STARTED_AT + 80_000_500)).toBe(40_000);
  });

  it('is the same after it was written down', () => {
    const index = indexOf({ v360: [0, 1, 4], audio: [0, 1, 2, 3, 4] });
    indexOf(
      { v720: [5, 6], audio: [5, 6] },
      aRun({ run: 2, firstNumber: 5, atSec: 20, renditions: [V720, AUDIO] }),
      index,
    );
    const again = readArchive(writeArchive({ index, told: null }, true))?.index;
    expect(again?.runs).toEqual(index.runs.map((run) => ({ ...run, tracks: expect.any(Map) })));
    for (const id of ['v360', 'v720', 'audio']) {
      const text = recordedMediaPlaylist(viewOf(index), id, texts);
      expect(again && recordedMediaPlaylist(viewOf(again), id, texts)).toBe(text);
    }
    expect(readArchive('{"version":2}')).toBeNull();
  });
});

describe('playlists of a recording', () => {
  it('grow at their end alone, and are cut at their front', () => {
    const index = indexOf({ v360: [0, 1, 2, 3], audio: [0, 1, 2] });
    expect(names(playlist(viewOf(index, 'live'), 'audio'))).toEqual(['audio/0.m4s', 'audio/1.m4s', 'audio/2.m4s']);
    const cut = playlist(viewOf(index, 'live', 2), 'v360');
    expect(cut).toMatchObject({ mediaSequenceBase: 2, endlist: false, targetDuration: 2 });
    expect(names(cut)).toEqual(['v360/2.m4s', 'v360/3.m4s']);
    expect(cut.segments[0]).toMatchObject({ map: { uri: `/media/${BROADCAST}/v360/init-1.mp4` } });
    expect(cut.segments[1]?.programDateTime?.getTime()).toBe(STARTED_AT + 6000);
    // The sound has not come as far in the first run: its next one waits.
    indexOf({ v360: [4], audio: [] }, aRun({ run: 2, firstNumber: 4, atSec: 12 }), index);
    expect(names(playlist(viewOf(index, 'live'), 'audio'))).toHaveLength(3);
    indexOf({ audio: [4] }, aRun({ run: 2, firstNumber: 4, atSec: 12 }), index);
    expect(names(playlist(viewOf(index, 'live'), 'audio')).slice(3)).toEqual(['gap', 'audio/4.m4s']);
  });

  it('go on behind what a kill has taken, also where renditions had not come equally far; the video ends before it', () => {
    const index = indexOf({ v360: [0, 1, 2], audio: [0, 1, 2, 3] });
    const tapes = new Tapes();
    const tell = (each: BroadcastIndex) =>
      tapes.show(new Recording(each, { startedAt: STARTED_AT, recovered: false }), STARTED_AT);
    tell(index);
    // Number 4 was open.
    const next = indexOf(
      { v360: [5, 6], audio: [5, 6] },
      aRun({ firstNumber: 5, atSec: 12 }),
      new BroadcastIndex('b_0000000000000002', 'c'),
    );
    tell(next);
    const indexes = tapes.of('c')?.recordings.map((each) => each.index) ?? [];
    const view = { ...viewOf(next, 'live'), spans: spansFrom(indexes, 0) };
    const numbers = (rendition: string) =>
      names(playlist(view, rendition)).map((name) => name.replace(/^\w+\/|\.\w+$/g, ''));
    expect(numbers('v360')).toEqual(['0', '1', '2', 'gap', 'gap', '5', '6']);
    expect(numbers('audio')).toEqual(['0', '1', '2', '3', 'gap', '5', '6']);
    const again = readArchive(writeArchive({ index, told: null }, true))?.index;
    expect(again && names(playlist(viewOf(again), 'v360'))).toEqual(['v360/0.m4s', 'v360/1.m4s', 'v360/2.m4s']);
  });

  it('go through runs with other renditions by the one most alike, and say where nothing is', () => {
    const index = indexOf({ v360: [0, 1, 2, 3], audio: [0, 1, 2, 3] });
    indexOf({ v720: [4, 5] }, aRun({ run: 2, firstNumber: 4, atSec: 20, renditions: [V720] }), index);
    expect(names(playlist(viewOf(index), 'v360')).slice(-2)).toEqual(['v720/4.m4s', 'v720/5.m4s']);
    expect(names(playlist(viewOf(index), 'audio'))).toEqual([
      ...['audio/0.m4s', 'audio/1.m4s', 'audio/2.m4s', 'audio/3.m4s', 'gap', 'gap'],
    ]);
    // The longest run describes the whole; while it is live the newest one does, and what it lacks is no playlist any more.
    expect(recordedMultivariant(viewOf(index), (id) => id)).toContain('\nv360\n');
    expect(recordedMultivariant(viewOf(index, 'live'), (id) => id)).toContain('\nv720\n');
    expect(recordedMediaPlaylist(viewOf(index, 'live'), 'v360', texts)).toBeNull();
    expect(keyPictures(index, 2)).toEqual({
      rendition: V360,
      keys: ['init-1.mp4', '0.m4s', '1.m4s'].map((name) => `live/${BROADCAST}/v360/${name}`),
    });
  });

  it('are cheap: lines of whole blocks are written once, and anew where a segment was lost', () => {
    const index = indexOf({ v360: Array.from({ length: 3600 }, (_, number) => number) });
    const [run] = index.runs;
    const first = recordedMediaPlaylist(viewOf(index, 'live'), 'v360', texts);
    if (run) index.markGap(run, 'v360', 7);
    const second = recordedMediaPlaylist(viewOf(index, 'live'), 'v360', texts);
    expect(second).not.toBe(first);
    expect((HLS.parse(second ?? '') as types.MediaPlaylist).segments[7]).toMatchObject({ gap: true });
  });
});

describe('the MPD of a recording', () => {
  const index = indexOf({ v360: [0, 1, 3, 4], audio: [0, 1, 2, 3, 4] });
  indexOf({ v360: [5, 6], audio: [5, 6] }, aRun({ run: 2, firstNumber: 5, atSec: 20 }), index);

  it('has a period for each run and behind each gap, at the time that the clock had, which stays when its front leaves', () => {
    const all = recordedDashManifest(viewOf(index, 'live'), timing);
    expect(starts(all)).toEqual([
      ['1-0', 'PT0S'],
      ['1-3', 'PT6S'],
      ['2-5', 'PT20S'],
    ]);
    expect(all).toContain('timeShiftBufferDepth="PT60S"');
    expect(starts(recordedDashManifest(viewOf(index, 'live', 4), timing))).toEqual([
      ['1-3', 'PT6S'],
      ['2-5', 'PT20S'],
    ]);
    expect(recordedDashManifest(viewOf(index, 'live'), { ...timing, timeShiftBufferSec: null })).not.toContain(
      'timeShift',
    );
  });

  it('is without the pauses once it is over, from the first segment there is', () => {
    expect(starts(recordedDashManifest(viewOf(index), timing))).toEqual([
      ['1-0', 'PT0S'],
      ['1-3', 'PT6S'],
      ['2-5', 'PT10S'],
    ]);
    const cut = recordedDashManifest(viewOf(index, 'ended', 4), timing);
    expect(starts(cut)).toEqual([
      ['1-3', 'PT0S'],
      ['2-5', 'PT2S'],
    ]);
    expect(cut).toContain('mediaPresentationDuration="PT6S"');
    expect(cut).toContain(`presentationTimeOffset="${18 * 90_000}" startNumber="4"`);
    expect(playingSec(viewOf(index))).toBe(14);
  });
});
