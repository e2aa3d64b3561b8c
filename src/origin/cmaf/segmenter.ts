import { badMedia, OriginFailure } from '../failure.js';
import { type Box, BoxReader } from './box-reader.js';
import { type Fragment, readFragment } from './fragment.js';
import { mergeFragments } from './fragment-merge.js';
import { type InitSegment, readInitSegment } from './init-segment.js';

export interface SegmenterOptions {
  readonly kind: 'video' | 'audio';
  /** The grid: a segment begins at the first key (video) or frame (audio) at or past each multiple of this. */
  readonly segmentSec: number;
  /** Presentation time in the fragments = timeline seconds + this. */
  readonly timelineOffsetSec: number;
  readonly segmentBytesMax: number;
}

/** A closed segment. Times in ticks of the track's timescale, as they stand in the fragments. */
export interface CutSegment {
  /** Which step of the grid it begins in, counted from the timeline's zero. */
  readonly slot: number;
  readonly start: number;
  readonly duration: number;
  readonly bytes: Buffer;
}

export type SegmenterEvent =
  | { readonly kind: 'init'; readonly init: InitSegment }
  | { readonly kind: 'opened'; readonly slot: number; readonly start: number }
  | { readonly kind: 'segment'; readonly segment: CutSegment };

interface OpenSegment {
  readonly slot: number;
  /** Presentation time. */
  readonly start: number;
  /** Decode times: of the first fragment, of the newest, and of what would follow it. */
  readonly decodeStart: number;
  newest: number;
  end: number;
  readonly pieces: Buffer[];
  size: number;
}

/** Keys stand on the grid within the encoder's rounding (1 ms in the expression that forces them). */
const GRID_TOLERANCE_SEC = 0.002;
/** How much audio goes under one `moof`. */
const AUDIO_FRAGMENT_SEC = 0.25;
/** A segment that finds no place to be cut within this many grid steps means that keys no longer come. */
const STEPS_MAX = 3;

/**
 * Turns one rendition of one run, a fragmented MP4 given in pieces of any size, into segments on the grid.
 *
 * Life: `push` until the run is over, then `end` once. It holds the open segment (bounded by `segmentBytesMax`) and, for
 * audio, up to a quarter of a second of frames that wait for their common `moof`. After a failure it is of no more use.
 */
export class Segmenter {
  readonly #options: SegmenterOptions;
  readonly #boxes = new BoxReader();
  #ftyp: Box | null = null;
  #init: InitSegment | null = null;
  #moof: Box | null = null;
  #open: OpenSegment | null = null;
  #waiting: Fragment[] = [];
  #sequence = 0;

  constructor(options: SegmenterOptions) {
    this.#options = options;
  }

  *push(piece: Buffer): Generator<SegmenterEvent> {
    for (const box of this.#boxes.push(piece)) yield* this.#take(box);
  }

  /** Closes the open segment as it stands; a half-written fragment at its end is dropped. */
  *end(): Generator<SegmenterEvent> {
    yield* this.#close();
  }

  *#take(box: Box): Generator<SegmenterEvent> {
    if (box.type === 'ftyp') this.#ftyp = box;
    else if (box.type === 'moov') yield { kind: 'init', init: this.#readInit(box) };
    else if (box.type === 'moof') this.#moof = box;
    else if (box.type === 'mdat') yield* this.#add(this.#readFragment(box));
    // styp, sidx, prft, free and mfra describe a file that we do not keep as it was.
  }

  #readInit(moov: Box): InitSegment {
    if (this.#ftyp === null || this.#init !== null) {
      throw badMedia('origin.bad-init', this.#init ? 'a second movie header came' : 'a movie header came without ftyp');
    }
    const init = readInitSegment(this.#ftyp, moov);
    if (init.kind !== this.#options.kind) {
      throw badMedia('origin.bad-init', `the track is ${init.kind} where ${this.#options.kind} belongs`);
    }
    this.#init = init;
    return init;
  }

  #readFragment(mdat: Box): Fragment {
    const moof = this.#moof;
    if (moof === null || this.#init === null) throw badMedia('origin.bad-fragment', 'media data came without its moof');
    this.#moof = null;
    return readFragment(moof, mdat, this.#init);
  }

  *#add(fragment: Fragment): Generator<SegmenterEvent> {
    if (this.#cutsBefore(fragment)) yield* this.#close();
    if (this.#open === null) {
      if (!fragment.key) return;
      this.#open = this.#begin(fragment);
      yield { kind: 'opened', slot: this.#open.slot, start: this.#open.start };
    }
    this.#extend(this.#open, fragment);
  }

  #cutsBefore(fragment: Fragment): boolean {
    const open = this.#open;
    if (open === null) return false;
    if (fragment.decodeTime <= open.newest) {
      throw badMedia('origin.bad-fragment', `decode time fell from ${open.newest} to ${fragment.decodeTime}`);
    }
    return fragment.key && this.#slotOf(fragment.presentationTime) > open.slot;
  }

  #begin(fragment: Fragment): OpenSegment {
    // The first AAC frame of a run is the encoder's priming, a frame before the timeline: it belongs to what it leads into.
    const lead = this.#options.kind === 'audio' && this.#sequence === 0 ? fragment.duration : 0;
    return {
      slot: Math.max(0, this.#slotOf(fragment.presentationTime + lead)),
      start: fragment.presentationTime,
      decodeStart: fragment.decodeTime,
      newest: -1,
      end: fragment.decodeTime,
      pieces: [],
      size: 0,
    };
  }

  #slotOf(presentationTime: number): number {
    const { segmentSec, timelineOffsetSec } = this.#options;
    const timelineSec = presentationTime / this.#timescale - timelineOffsetSec;
    return Math.floor((timelineSec + GRID_TOLERANCE_SEC) / segmentSec);
  }

  get #timescale(): number {
    return this.#init?.timescale ?? 1;
  }

  #extend(open: OpenSegment, fragment: Fragment): void {
    if (this.#options.kind === 'audio') this.#wait(open, fragment);
    else open.pieces.push(fragment.moof.bytes, fragment.mdat.bytes);
    open.newest = fragment.decodeTime;
    open.end = fragment.decodeTime + fragment.duration;
    open.size += fragment.moof.bytes.length + fragment.mdat.bytes.length;
    this.#sequence += 1;
    this.#checkBounds(open);
  }

  #wait(open: OpenSegment, fragment: Fragment): void {
    if (fragment.decodeTime !== open.end) this.#flush(open);
    this.#waiting.push(fragment);
    const first = this.#waiting[0] ?? fragment;
    const end = fragment.decodeTime + fragment.duration;
    if (end - first.decodeTime >= AUDIO_FRAGMENT_SEC * this.#timescale) this.#flush(open);
  }

  #flush(open: OpenSegment): void {
    if (this.#waiting.length === 0) return;
    open.pieces.push(mergeFragments(this.#waiting, this.#init?.trackId ?? 1, this.#sequence));
    this.#waiting = [];
  }

  #checkBounds(open: OpenSegment): void {
    const { segmentBytesMax, segmentSec } = this.#options;
    const hint =
      'The run is restarted. Lower the bitrate of the ladder, or check that the encoder still makes keys on the grid.';
    if (open.size > segmentBytesMax) {
      throw new OriginFailure('origin.segment-too-big', `a segment grew over ${segmentBytesMax} bytes`, { hint });
    }
    const seconds = (open.end - open.decodeStart) / this.#timescale;
    if (seconds > STEPS_MAX * segmentSec) {
      throw new OriginFailure('origin.segment-too-long', `a segment grew to ${seconds.toFixed(1)} s`, { hint });
    }
  }

  *#close(): Generator<SegmenterEvent> {
    const open = this.#open;
    if (open === null) return;
    this.#flush(open);
    this.#open = null;
    const { slot, start, decodeStart, end, pieces } = open;
    yield { kind: 'segment', segment: { slot, start, duration: end - decodeStart, bytes: Buffer.concat(pieces) } };
  }
}
