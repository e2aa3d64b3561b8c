import { describe, expect, it } from 'vitest';
import type { PackagedRendition } from '../../media/packaged-rendition.js';
import { BroadcastIndex } from '../recording/broadcast-index.js';
import { AUDIO, aRun, aSegment, BROADCAST, STARTED_AT, V360, V720 } from '../recording/index.fixture.js';
import { spansFrom } from '../recording/recorded-span.js';
import { readSheetName, sheetName } from './thumbnail-sheets.js';
import {
  archiveThumbnails,
  liveThumbnails,
  openersFrom,
  smallestTrack,
  type ThumbnailList,
  videoThumbnails,
} from './thumbnail-slots.js';
import { writeThumbnails } from './thumbnail-text.js';

const both = [V720, V360, AUDIO];

/** Segments of two seconds, all of them in both rungs. */
function recorded(count: number, run = aRun({ renditions: both })): BroadcastIndex {
  const index = new BroadcastIndex(BROADCAST, 'town-hall');
  add(index, run, 0, count);
  return index;
}

function add(index: BroadcastIndex, run: ReturnType<typeof aRun>, from: number, to: number): void {
  for (let number = from; number < to; number += 1) {
    for (const { id } of both) index.add(aSegment(run, id, number));
  }
}

const starts = ({ sheets }: ThumbnailList) =>
  sheets.flatMap(({ cues }) => cues.map(({ startSec, number }) => [startSec, number]));
const numbersOf = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => (from + at) * 5);
const names = ({ sheets }: ThumbnailList) => sheets.map(({ cues }) => sheetName(cues.map(({ number }) => number)));

describe('the pictures of a broadcast', () => {
  it('are one every ten seconds, of the smallest rendition', () => {
    const index = recorded(12);
    const [run] = index.runs;
    expect(run && smallestTrack(run)?.rendition.id).toBe('v360');
    const list = liveThumbnails(spansFrom([index], 0), STARTED_AT);
    expect(starts(list)).toEqual([
      [0, 0],
      [10, 5],
      [20, 10],
    ]);
    expect(list.endSec).toBe(24);
  });

  it('of a window begin with the picture of the slot that it begins within', () => {
    const list = liveThumbnails(spansFrom([recorded(12)], 7), STARTED_AT);
    expect(starts(list)).toEqual([
      [14, 5],
      [20, 10],
    ]);
  });

  it('share sheets of 25, the same ones in the window as in the recording; not what still grows or has lost its beginning', () => {
    // Slots 1 to 67: the timeline begins ten seconds in.
    const index = recorded(335);
    const sheets = [numbersOf(0, 24), numbersOf(24, 49), numbersOf(49, 67)].map(sheetName);
    expect(names(archiveThumbnails(spansFrom([index], 0)))).toEqual(sheets);
    const growing = numbersOf(49, 67).map((number) => sheetName([number]));
    expect(names(liveThumbnails(spansFrom([index], 0), STARTED_AT))).toEqual([...sheets.slice(0, 2), ...growing]);
    const cut = names(liveThumbnails(spansFrom([index], 20), STARTED_AT));
    expect(cut).toEqual([...numbersOf(4, 24).map((number) => sheetName([number])), sheets[1], ...growing]);
  });

  it('have names that can be asked for, and no other', () => {
    const index = recorded(335);
    const track = index.runs[0] && smallestTrack(index.runs[0]);
    const [name = ''] = names(archiveThumbnails(spansFrom([index], 0)));
    const wanted = readSheetName(name);
    expect(name).toMatch(/^0-24-[0-9a-f]{8}\.jpg$/);
    expect(track && openersFrom(track, wanted?.first ?? 0, wanted?.count ?? 0)).toEqual(numbersOf(0, 24));
    expect(track && openersFrom(track, 1, 3)).toEqual([]);
    expect(track && openersFrom(track, 5000, 3)).toEqual([]);
    for (const wrong of ['0-26-00000000.jpg', '00.jpg', '0-0-00000000.jpg', '-1.jpg', '0-2.jpg', '1e3.jpg', '0.png'])
      expect(readSheetName(wrong)).toBeNull();
  });

  it('stand in the recording where it plays them, without the pause between two runs', () => {
    const index = recorded(6);
    add(index, aRun({ run: 2, firstNumber: 6, atSec: 60, renditions: both }), 6, 12);
    expect(starts(archiveThumbnails(spansFrom([index], 0)))).toEqual([
      [0, 0],
      [10, 5],
      [12, 6],
      [22, 11],
    ]);
    expect(starts(liveThumbnails(spansFrom([index], 0), STARTED_AT)).at(2)).toEqual([60, 6]);
  });
});

it('of an uploaded video are named by its segments', () => {
  const segments = [0, 6, 12, 18].map((start, at) => ({
    name: `${at + 1}.m4s`,
    start: (start + 1) * 1000,
    duration: 6000,
    bytes: 100,
  }));
  const packaged: PackagedRendition = {
    ...{ rendition: V360, prefix: 'job/j/1/', codecs: 'avc1', bandwidth: 1, averageBandwidth: 1 },
    ...{ timescale: 1000, segments },
  };
  const list = videoThumbnails('v_0000000000000001', packaged);
  expect(starts(list)).toEqual([
    [0, 1],
    [12, 3],
  ]);
  const sheet = `/media/v_0000000000000001/thumbs/${sheetName([1, 3])}`;
  expect(writeThumbnails(list, null)).toBe(
    [
      'WEBVTT',
      `00:00:00.000 --> 00:00:12.000\n${sheet}#xywh=0,0,160,90`,
      `00:00:12.000 --> 00:00:24.000\n${sheet}#xywh=160,0,160,90\n`,
    ].join('\n\n'),
  );
});

it('tells the wall clock of time 0 where a list is live', () => {
  const text = writeThumbnails(liveThumbnails(spansFrom([recorded(2)], 0), STARTED_AT), STARTED_AT);
  expect(text).toContain(`NOTE Time 0 is ${new Date(STARTED_AT).toISOString()}`);
});
