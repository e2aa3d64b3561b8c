/**
 * Which renditions a source gets. Pure.
 *
 * A rung's number is the smaller side of the displayed picture: `v720` is 1280×720 from a landscape camera and 720×1280
 * from an upright phone. Both functions answer **highest rung first**, never upscale, and always give a source with a
 * picture at least one rung. Sizes are even (4:2:0 chroma) and mean square pixels, upright: sample aspect ratio and
 * rotation are applied here once, and the commands scale to exactly these numbers.
 *
 * All rungs have one frame rate. Halving it on the low rungs would save little (they are the cheap ones) and would put
 * their key frames and segment edges elsewhere, so that a player could not switch cleanly.
 */
import type { AudioRendition, LadderCodec, VideoRendition } from '../media/rendition.js';
import type { AudioFacts, SourceFacts, VideoFacts } from '../media/source-facts.js';

export interface Ladder {
  /** Highest first; empty for a source without a picture. */
  readonly video: VideoRendition[];
  readonly audio: AudioRendition | null;
}

export interface EncodeBudget {
  /** What the box encodes with the live settings, in luma pixels per second of wall time (`measureEncodeSpeed`). */
  readonly pixelsPerSecond: number;
  /** What the broadcasts already on the box cost, by `encodeCost`. Default 0. */
  readonly committed?: number;
}

/** The rungs that live can sustain within the budget; the lowest one always, whatever the budget. */
export function liveLadder(facts: SourceFacts, budget: EncodeBudget): Ladder {
  const { video, audio } = vodLadder(facts);
  return { video: affordableRungs(facts, video, budget), audio };
}

/** Of the rungs, highest first, the lowest ones that fit the budget; at least one unless there `mayBeNone`. */
export function affordableRungs(
  facts: SourceFacts,
  video: readonly VideoRendition[],
  budget: EncodeBudget,
  { mayBeNone = false } = {},
): VideoRendition[] {
  const lowestFirst = video.toReversed();
  const affordable = budget.pixelsPerSecond * LIVE_SHARE - (budget.committed ?? 0);
  const fits = (count: number) => encodeCost(facts, lowestFirst.slice(0, count)) <= affordable;
  return lowestFirst.filter((_, index) => (index === 0 && !mayBeNone) || fits(index + 1)).toReversed();
}

/** Every rung that the source allows: an upload takes the time it takes. */
export function vodLadder(facts: SourceFacts): Ladder {
  const shapes = facts.video === null ? null : RungShapes.of(facts.video);
  return {
    video: shapes?.automatic() ?? [],
    audio: facts.audio === null ? null : audioRendition(facts.audio),
  };
}

/** The part of the measured speed that live may plan with: scenes differ, and the box has other work. */
const LIVE_SHARE = 0.7;
/** Decoding one source pixel, and scaling it down to one rung, against encoding one pixel (measured, noisy picture). */
const DECODE_WEIGHT = 0.3;
const SCALE_WEIGHT = 0.1;

/** What a live ladder costs, in the budget's unit: its encodes and the one decode. */
export function encodeCost(facts: SourceFacts, video: readonly VideoRendition[]): number {
  const { video: source } = facts;
  if (source === null || video.length === 0) return 0;
  const encode = video.reduce((sum, rung) => sum + rung.width * rung.height * rung.frameRate, 0);
  const sourcePixels = source.width * source.height * (source.frameRate ?? ASSUMED_FRAME_RATE);
  return encode + sourcePixels * (DECODE_WEIGHT + SCALE_WEIGHT * video.length);
}

const RUNGS = [2160, 1440, 1080, 720, 540, 360] as const;
/** 4096 × 2160 is the most that level 5.1/5.2 hardware decoders take. */
const LONG_SIDE_MAX = 4096;
const SHORT_SIDE_MAX = 2160;
/** A source at least this much above the highest rung below it (1920×800, 854×480) gets a rung of its own size. */
export const OWN_RUNG_RATIO = 1.1;
/** A rung closer than this to the source's own would cost an encode and give a player nothing to choose. */
const RUNG_SPACING = 1.2;
/** The smallest side that decoders are known to take: one macroblock. */
const SIDE_MIN = 16;

/** The rungs that one source's picture can be made into. */
export class RungShapes {
  readonly #display: Size;
  readonly #frameRate: number;

  private constructor(display: Size, frameRate: number) {
    this.#display = display;
    this.#frameRate = frameRate;
  }

  /** Null for a nonsensical size. */
  static of(facts: VideoFacts): RungShapes | null {
    const display = displaySize(facts);
    return display === null ? null : new RungShapes(display, ladderFrameRate(facts.frameRate));
  }

  /** The shorter side of the displayed picture: no rung is higher. */
  get side(): number {
    return Math.min(this.#display.width, this.#display.height);
  }

  /** The standard rungs below the source, and one of its own size where that is clearly more. */
  automatic(): VideoRendition[] {
    const own = this.side;
    const standard = RUNGS.filter((rung) => rung <= own);
    const top = standard[0];
    const ownRung = top === undefined || own >= top * OWN_RUNG_RATIO;
    const heights = ownRung ? [evenFloor(own), ...standard.filter((rung) => own >= rung * RUNG_SPACING)] : standard;
    return heights.map((rung) => this.rung(rung));
  }

  /** The source's own size. */
  own(): VideoRendition {
    return this.rung(evenFloor(this.side));
  }

  /** `side`: of the shorter side, pixels. Without a bitrate: what H.264 of that size takes. */
  rung(side: number, wish: { bitrate?: number | undefined; codec?: LadderCodec } = {}): VideoRendition {
    const rendition = videoRendition(side, this.#display, this.#frameRate);
    const bitrate = wish.bitrate ?? rendition.bitrate;
    const rates = { bitrate, maxBitrate: roundBitrate(bitrate * PEAK_RATIO) };
    if (wish.codec === undefined || wish.codec === 'h264') return { ...rendition, ...rates };
    return { ...rendition, ...rates, id: `${rendition.id}-${wish.codec}`, codec: wish.codec };
  }
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** The picture as a viewer sees it, in square pixels, upright, within what decoders take; null for a nonsensical size. */
function displaySize(facts: VideoFacts): Size | null {
  const ratio = facts.sampleAspectRatio > 0 && Number.isFinite(facts.sampleAspectRatio) ? facts.sampleAspectRatio : 1;
  if (!(facts.width >= 1 && facts.height >= 1)) return null;
  // Square pixels by widening, or by narrowing where pixels are tall: the lines are never resampled.
  const coded = { width: facts.width * ratio, height: facts.height };
  const upright = facts.rotation % 180 === 0 ? coded : { width: coded.height, height: coded.width };
  const [short, long] = [upright.width, upright.height].sort((a, b) => a - b) as [number, number];
  const shrink = Math.min(1, LONG_SIDE_MAX / long, SHORT_SIDE_MAX / short);
  return { width: upright.width * shrink, height: upright.height * shrink };
}

function videoRendition(rung: number, display: Size, frameRate: number): VideoRendition {
  const scale = Math.min(1, rung / Math.min(display.width, display.height));
  const width = evenSide(display.width * scale, display.width);
  const height = evenSide(display.height * scale, display.height);
  const bitrate = bitrateFor(width * height, frameRate);
  const maxBitrate = roundBitrate(bitrate * PEAK_RATIO);
  return { kind: 'video', id: `v${Math.min(width, height)}`, width, height, frameRate, bitrate, maxBitrate };
}

const evenFloor = (side: number) => Math.max(SIDE_MIN, 2 * Math.floor(side / 2 + 1e-6));

/** The nearest even number that does not exceed the source's own side. */
function evenSide(side: number, own: number): number {
  return Math.max(SIDE_MIN, Math.min(2 * Math.round(side / 2), evenFloor(own)));
}

const ASSUMED_FRAME_RATE = 30;
const FRAME_RATE_MAX = 60;
/** Slower than this, a 200 ms live chunk would often hold no picture; repeated frames cost next to nothing. */
const FRAME_RATE_MIN = 10;
/** Above this a number is a time base that somebody took for a rate. */
const FRAME_RATE_BELIEVED = 480;
const COMMON_RATES = [24_000 / 1001, 24, 25, 30_000 / 1001, 30, 48, 50, 60_000 / 1001, 60];

/** The source's rate; halved until at most 60, so that its cadence survives; common rates made exact. */
function ladderFrameRate(source: number | null): number {
  if (source === null || !(source > 0 && source <= FRAME_RATE_BELIEVED)) return ASSUMED_FRAME_RATE;
  let rate = source;
  while (rate > FRAME_RATE_MAX * 1.01) rate /= 2;
  const common = COMMON_RATES.find((known) => Math.abs(known - rate) < known * 0.0004);
  return common ?? Math.max(FRAME_RATE_MIN, Math.round(rate * 1000) / 1000);
}

// Pixels of a picture → bits per second at 30 frames/s, H.264. Between the points: straight on logarithmic axes.
const BITRATES: readonly (readonly [pixels: number, bitrate: number])[] = [
  [320 * 180, 350_000],
  [640 * 360, 900_000],
  [960 * 540, 1_800_000],
  [1280 * 720, 3_000_000],
  [1920 * 1080, 5_500_000],
  [2560 * 1440, 9_500_000],
  [3840 * 2160, 17_000_000],
];
const BITRATE_MIN = 100_000;
/** Ceiling over target: live buffers are short, and BANDWIDTH (RFC 8216 §4.3.4.2) names the peak. */
const PEAK_RATIO = 1.25;

function bitrateFor(pixels: number, frameRate: number): number {
  // Twice the frames are not twice the news: 60/s costs half as much again as 30/s, 24/s a tenth less.
  const motion = (frameRate / 30) ** 0.585;
  return roundBitrate(Math.max(BITRATE_MIN, bitrateAt30(pixels) * motion));
}

function bitrateAt30(pixels: number): number {
  const above = BITRATES.findIndex(([size]) => size >= pixels);
  const upper = Math.max(1, above < 0 ? BITRATES.length - 1 : above);
  const [lowPixels, lowRate] = BITRATES[upper - 1] ?? [1, BITRATE_MIN];
  const [highPixels, highRate] = BITRATES[upper] ?? [lowPixels, lowRate];
  const slope = Math.log(highRate / lowRate) / Math.log(highPixels / lowPixels);
  return lowRate * (pixels / lowPixels) ** slope;
}

const roundBitrate = (bitrate: number) => Math.round(bitrate / 10_000) * 10_000;

const STEREO_BITRATE = 128_000;
const MONO_BITRATE = 80_000;

/**
 * AAC-LC. Mono stays mono and everything wider becomes stereo. 44.1 kHz stays as it is, since resampling it buys
 * nothing; any other rate becomes 48 kHz.
 */
export function audioRendition(facts: AudioFacts): AudioRendition {
  const channels = facts.channels === 1 ? 1 : 2;
  const sampleRate = facts.sampleRate === 44_100 ? 44_100 : 48_000;
  return { kind: 'audio', id: 'audio', bitrate: channels === 1 ? MONO_BITRATE : STEREO_BITRATE, sampleRate, channels };
}
