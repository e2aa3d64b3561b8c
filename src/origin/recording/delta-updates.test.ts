import HLS, { type types } from 'hls-parser';
import { describe, expect, it } from 'vitest';
import { spliceInsert } from '../../media/splice-info.fixture.js';
import type { Skipping } from '../hls/delivery-directives.js';
import { TimedEvents } from '../timed-events.js';
import { BroadcastIndex } from './broadcast-index.js';
import { aRun, aSegment, BROADCAST, STARTED_AT } from './index.fixture.js';
import { recordedMediaPlaylist } from './recorded-media-playlist.js';
import { type RecordedView, spansFrom } from './recorded-span.js';
import { SegmentTexts } from './segment-texts.js';
import { ToldDates } from './told-dates.js';

/** Delta updates of DVR and start-over playlists (draft-pantos-hls-rfc8216bis-22 §6.2.5.1), rule by rule. */
HLS.setOptions({ strictMode: true });
const texts = new SegmentTexts();

/** Two seconds a segment; a run begins at each of these numbers. */
function indexOf(count: number, firsts: readonly number[] = [0]): BroadcastIndex {
  const index = new BroadcastIndex(BROADCAST, 'c');
  for (const [at, firstNumber] of firsts.entries()) {
    const run = aRun({ run: at + 1, firstNumber, atSec: firstNumber * 2 });
    const end = firsts[at + 1] ?? count;
    for (let number = firstNumber; number < end; number += 1) index.add(aSegment(run, 'v360', number));
    for (let number = firstNumber; number < end; number += 1) index.add(aSegment(run, 'audio', number));
  }
  return index;
}

const viewOf = (index: BroadcastIndex, state: RecordedView['state'] = 'live', first = 0): RecordedView => ({
  ...{ spans: spansFrom([index], first), whole: true, state, eventsOf: () => null },
});
const skipping = (skip: boolean): { skip: Skipping } => ({ skip: skip ? 'segments' : 'nothing' });
const text = (view: RecordedView, skip: boolean) => recordedMediaPlaylist(view, 'v360', texts, skipping(skip)) ?? '';
const parsed = (view: RecordedView, skip: boolean) => HLS.parse(text(view, skip)) as types.MediaPlaylist;

describe('a delta update of a recording', () => {
  it('is offered with a skip boundary of six target durations (§4.4.3.8), and with a version that has EXT-X-SKIP', () => {
    const { lowLatencyCompatibility, version, targetDuration } = parsed(viewOf(indexOf(20)), false);
    expect(lowLatencyCompatibility).toMatchObject({ canSkipUntil: 6 * targetDuration, canBlockReload: true });
    expect(version).toBe(10);
  });

  it('leaves out what is further from the end than the boundary, and nothing else', () => {
    const view = viewOf(indexOf(3600));
    const [full, delta] = [parsed(view, false), parsed(view, true)];
    const seconds = delta.segments.reduce((sum, { duration }) => sum + duration, 0);
    expect(delta.skip).toBe(3600 - delta.segments.length);
    expect(delta.mediaSequenceBase).toBe(full.mediaSequenceBase);
    expect(delta.segments.map(({ uri }) => uri)).toEqual(full.segments.slice(delta.skip).map(({ uri }) => uri));
    // The last that was left out ends further back than twelve seconds.
    expect([seconds > 12, seconds - 2 <= 12]).toEqual([true, true]);
    expect(text(view, true).length).toBeLessThan(text(view, false).length / 100);
  });

  it('is the whole playlist where nothing is that far back', () => {
    const view = viewOf(indexOf(7));
    expect(text(view, true)).toBe(text(view, false));
  });

  it('is the whole playlist once it is over, which offers no more', () => {
    for (const state of ['ended', 'vod'] as const) {
      const view = viewOf(indexOf(40), state);
      expect(text(view, true)).toBe(text(view, false));
      expect(text(view, true)).not.toContain('SERVER-CONTROL');
    }
  });

  it('counts from the first that is listed where the front has left', () => {
    const view = viewOf(indexOf(200), 'live', 100);
    const delta = parsed(view, true);
    expect([delta.mediaSequenceBase, delta.skip + delta.segments.length]).toEqual([100, 100]);
    expect(delta.segments.at(-1)?.uri).toContain('/199.m4s');
  });

  it('names the header and the discontinuity of what follows, and the discontinuity sequence of what was skipped', () => {
    for (const second of [180, 191, 192, 193, 194, 199]) {
      const view = viewOf(indexOf(200, [0, second]));
      const [full, delta] = [parsed(view, false), parsed(view, true)];
      expect(delta.skip).toBe(193);
      expect(delta.discontinuitySequenceBase).toBe(full.discontinuitySequenceBase);
      const facts = ({ segments }: types.MediaPlaylist) =>
        segments.slice(-7).map((segment) => [segment.uri, segment.map?.uri, segment.discontinuity ?? false]);
      expect(facts(delta)).toEqual(facts(full));
    }
  });

  it('has all date ranges (§6.2.5.1: they are not skipped)', () => {
    const told = new TimedEvents(BROADCAST);
    told.add({ atMs: 4000, kind: 'scte35', data: spliceInsert({ eventId: 1, out: true, pts: 0 }) });
    told.add({ atMs: 8000, kind: 'scte35', data: spliceInsert({ eventId: 1, out: false, pts: 0 }) });
    const view: RecordedView = { ...viewOf(indexOf(100)), eventsOf: () => told };
    const tags = (skip: boolean) => text(view, skip).match(/#EXT-X-DATERANGE.*/g);
    expect(tags(true)).toEqual(tags(false));
    expect(tags(true)).toHaveLength(2);
    expect(tags(true)?.[0]).toContain(new Date(STARTED_AT + 4000).toISOString());
  });

  it('has date ranges of late only for those who ask for v2, and names those that have gone of late (§6.2.5.1)', () => {
    const told = new TimedEvents(BROADCAST);
    const cue = (atMs: number, eventId: number, out = true) =>
      told.add({ atMs, kind: 'scte35', data: spliceInsert({ eventId, out, pts: 0, breakTicks: 90_000 }) });
    const index = indexOf(100);
    const dates = new ToldDates();
    const at = (nowSec: number, first = 0, skip: Skipping = 'segments and dates') => {
      const view: RecordedView = { ...viewOf(index, 'live', first), eventsOf: () => told };
      const options = { skip, told: { dates, now: nowSec * 1000 } };
      return recordedMediaPlaylist(view, 'v360', texts, options) ?? '';
    };
    const events = (playlist: string) => [...playlist.matchAll(/ID="splice-(\d+)-/g)].map(([, id]) => id);
    const removed = (playlist: string) => /RECENTLY-REMOVED-DATERANGES="([^"]*)"/.exec(playlist)?.[1] ?? null;
    cue(4000, 1);
    expect(at(0)).toContain('CAN-SKIP-DATERANGES=YES');
    expect(HLS.parse(at(0))).toMatchObject({ version: 10, skip: 93 });
    expect([events(at(0)), removed(at(0))]).toEqual([['1'], '']);
    cue(150_000, 2);
    expect(events(at(12))).toEqual(['1', '2']);
    // Twelve seconds are the skip boundary.
    expect(events(at(13))).toEqual(['2']);
    expect(events(at(25))).toEqual([]);
    // What is said anew of an old one is new, and nothing else of it.
    cue(151_000, 2, false);
    expect([at(26).match(/SCTE35-IN/g)?.length, at(26).match(/SCTE35-OUT/g)]).toEqual([1, null]);
    const gone = at(30, 50);
    expect(removed(gone)).toMatch(new RegExp(`^splice-1-insert-${BROADCAST}-\\d+$`));
    expect(removed(at(43, 50))).toBe('');
    for (const skip of ['nothing', 'segments'] as const) {
      expect(events(at(44, 0, skip))).toEqual(['1', '2', '2']);
      expect(removed(at(44, 0, skip))).toBeNull();
    }
  });

  it('goes through what a rendition lacks', () => {
    const index = indexOf(40);
    const silent = aRun({ run: 2, firstNumber: 40, atSec: 80 });
    const pictures = { ...silent, renditions: silent.renditions.slice(0, 1) };
    for (let number = 40; number < 80; number += 1) index.add(aSegment(pictures, 'v360', number));
    const third = aRun({ run: 3, firstNumber: 80, atSec: 160 });
    for (let number = 80; number < 100; number += 1) {
      for (const id of ['v360', 'audio']) index.add(aSegment(third, id, number));
    }
    for (const skip of [false, true]) {
      const sound = recordedMediaPlaylist(viewOf(index), 'audio', texts, skipping(skip)) ?? '';
      const { segments, skip: skipped } = HLS.parse(sound) as types.MediaPlaylist;
      expect(skipped + segments.length).toBe(100);
    }
  });
});
