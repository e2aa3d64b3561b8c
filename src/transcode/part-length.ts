/** How long a live run's parts are: its fragments, which players of low-latency HLS and DASH get one by one. Pure. */

export interface PartLength {
  /** Pictures in each, where they come steadily. */
  readonly frames: number;
  /** Pictures per second. */
  readonly frameRate: number;
  /** None lasts longer, seconds; where the source's pictures are passed through, none that one picture does not fill alone. */
  readonly maxSec: number;
}

interface PartLengthOptions {
  readonly partMs: number;
  /** Null where it is not known, or there are no pictures. */
  readonly frameRate: number | null;
  /** Pictures stand on a grid of that rate. */
  readonly steady: boolean;
}

/** Passed pictures are stamped in whole milliseconds, and publishers' clocks wander. */
const STAMP_JITTER_MS = 4;
/** Of a source that does not say. */
const ASSUMED_FRAME_RATE = 30;

/**
 * A whole number of pictures, as near to `partMs` as they come: were some parts a picture longer than others, the others
 * would be shorter than low-latency HLS allows (85% of the part target; draft-pantos-hls-rfc8216bis, EXT-X-PART).
 *
 */
export function partLength({ partMs, frameRate, steady }: PartLengthOptions): PartLength {
  const rate = frameRate ?? ASSUMED_FRAME_RATE;
  const frames = Math.max(1, Math.round((partMs * rate) / 1000));
  const lengthMs = frameRate === null && steady ? partMs : (frames * 1000) / rate;
  // Less than a microsecond over a whole number is that number.
  const maxMs = Math.ceil(lengthMs - 1e-3) + (steady ? 0 : STAMP_JITTER_MS);
  return { frames, frameRate: rate, maxSec: maxMs / 1000 };
}
