/** By how much the durations of a playlist's segments and parts, each of them rounded, may add up to more than there is. */
const ROUNDING_MS = 0.1;
/** What binary fractions add to whole milliseconds. */
const NOISE_MS = 0.001;

/**
 * What EXT-X-PROGRAM-DATE-TIME says of a moment (RFC 8216 §4.3.2.6), whole milliseconds since 1970: of pictures never before the
 * moment, of sound never after it.
 *
 * hls.js places sound among the pictures by the difference of their dates. Where a segment of sound comes to end behind its own
 * last sample by that, were it by a third of a millisecond, hls.js 1.7.4 sees a place that is loaded and not reached, and asks for
 * nothing until the next segment is whole: playback stands.
 */
export function programDateTime(epochMs: number, kind: 'video' | 'audio'): number {
  return kind === 'video' ? Math.ceil(epochMs - NOISE_MS) : Math.floor(epochMs - ROUNDING_MS);
}
