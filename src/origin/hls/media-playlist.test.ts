import fc from 'fast-check';
import HLS, { type types } from 'hls-parser';
import { describe, expect, it } from 'vitest';
import { writeMediaPlaylist } from './media-playlist.js';

HLS.setOptions({ strictMode: true });
const parse = (text: string) => HLS.parse(text) as types.MediaPlaylist;

const segment = fc.record({
  durationSec: fc.double({ min: 0.02, max: 2.4, noNaN: true }),
  newRun: fc.boolean(),
  gap: fc.boolean(),
});

describe('writeMediaPlaylist', () => {
  it('is accepted by a strict parser, which reads back what was meant', () => {
    fc.assert(
      fc.property(
        fc.array(segment, { minLength: 1, maxLength: 12 }),
        fc.nat(1e6),
        fc.boolean(),
        (list, first, ended) => {
          let discontinuity = 7;
          const segments = list.map(({ durationSec, newRun, gap }, index) => {
            if (newRun && index > 0) discontinuity += 1;
            const uri = `/media/b_1/v360/${first + index}.m4s`;
            const initUri = `/media/b_1/v360/init-${discontinuity}.mp4`;
            return { uri, durationSec, initUri, discontinuity, programDateTime: 1_700_000_000_000 + index, gap };
          });
          const playlist = parse(
            writeMediaPlaylist({ mediaSequence: first, targetDurationSec: 2, type: 'window', ended, segments }),
          );
          expect(playlist).toMatchObject({ mediaSequenceBase: first, discontinuitySequenceBase: 7, endlist: ended });
          expect(playlist.segments.map((each) => each.uri)).toEqual(segments.map((each) => each.uri));
          expect(playlist.segments.map((each) => each.discontinuitySequence)).toEqual(
            segments.map((each) => each.discontinuity),
          );
          expect(playlist.segments.map((each) => each.map?.uri)).toEqual(segments.map((each) => each.initUri));
          expect(playlist.segments.map((each) => each.gap ?? false)).toEqual(segments.map((each) => each.gap));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is accepted with parts, whatever came and however much is skipped', () => {
    const length = fc.double({ min: 0.17, max: 0.2, noNaN: true });
    const parts = fc.array(length, { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.array(parts, { minLength: 1, maxLength: 12 }), parts, fc.boolean(), (list, last, skip) => {
        const facts = { initUri: 'init.mp4', discontinuity: 0, programDateTime: 0 };
        const part = (durationSec: number) => ({ uri: 'part.m4s', durationSec, independent: false });
        const segments = list.map((lengths, index) => ({
          ...{ ...facts, uri: `${index}.m4s`, gap: false, durationSec: lengths.reduce((sum, each) => sum + each, 0) },
          parts: index < list.length - 2 ? [] : lengths.map(part),
        }));
        const open = { ...facts, parts: last.map(part) };
        const edge = { partTargetSec: 0.2, open, hintUri: 'next.m4s', reports: [] };
        const text = writeMediaPlaylist({
          ...{ mediaSequence: 7, targetDurationSec: 2, type: 'window', ended: false, segments },
          ...{ lowLatency: edge, skip },
        });
        const playlist = parse(text);
        const seconds = (from: number) => segments.slice(from).reduce((sum, segment) => sum + segment.durationSec, 0);
        expect(playlist.segments).toHaveLength(list.length - playlist.skip + 1);
        expect(playlist.segments.at(-1)?.parts.map(({ hint }) => hint)).toEqual([...last.map(() => false), true]);
        // What is left reaches back as far as the skip boundary, and nothing more is left than has to be.
        if (playlist.skip > 0) expect(seconds(playlist.skip)).toBeGreaterThan(12);
        if (skip) expect(seconds(playlist.skip + 1)).toBeLessThanOrEqual(12);
        else expect(playlist.skip).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('tells no part as longer than the target', () => {
    const part = { uri: 'part.m4s', durationSec: 0.9, independent: true };
    const open = { initUri: 'init.mp4', discontinuity: 0, programDateTime: 0, parts: [part] };
    const text = writeMediaPlaylist({
      ...{ mediaSequence: 1, targetDurationSec: 2, type: 'window', ended: false },
      segments: [
        { uri: '1.m4s', durationSec: 2, initUri: 'init.mp4', discontinuity: 0, programDateTime: 0, gap: false },
      ],
      lowLatency: { partTargetSec: 6 / 29.97, open, hintUri: '2.1.m4s', reports: [] },
    });
    expect(text).toContain('PART-TARGET=0.20021');
    expect(text).toContain('#EXT-X-PART:DURATION=0.20021,URI="part.m4s",INDEPENDENT=YES');
    expect(text).toContain('PART-HOLD-BACK=0.60063');
    expect(parse(text).segments).toHaveLength(2);
  });

  it('marks a recording as complete and leaves the wall clock out', () => {
    const text = writeMediaPlaylist({
      ...{ mediaSequence: 1, targetDurationSec: 4, type: 'vod', ended: true },
      segments: [
        { uri: '1.m4s', durationSec: 4, initUri: 'init.mp4', discontinuity: 0, programDateTime: null, gap: false },
      ],
    });
    expect(parse(text)).toMatchObject({ playlistType: 'VOD', endlist: true, version: 7 });
    expect(text).not.toContain('DATE-TIME');
    expect(text).not.toContain('DISCONTINUITY-SEQUENCE');
  });
});
