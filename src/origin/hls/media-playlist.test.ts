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
