import { badMedia, OriginFailure } from '../failure.js';
import { type Box, BoxReader } from './box-reader.js';
import type { CutLines, KeyLines } from './cut-lines.js';
import { type Fragment, readFragment } from './fragment.js';
import { mergeFragments } from './fragment-merge.js';
import { sliceFragment } from './fragment-split.js';
import { type InitSegment, readInitSegment } from './init-segment.js';
import { SoundParts } from './sound-parts.js';

export interface SegmenterOptions {
  readonly kind: 'video' | 'audio';
  /** A segment begins at the first key (video) or frame (audio) at or past each of these lines. */
  readonly lines: CutLines;
  /** Where the lines are the source's keys: this rendition's. */
  readonly leads?: KeyLines | null;
  /** Presentation time in the fragments = timeline seconds + this. */
  readonly timelineOffsetSec: number;
  /** What is presented before this, in seconds of the timeline, has been published already and is left out. */
  readonly fromSec?: number;
  /** Parts are told of as they are complete; sound's are no longer than this, pictures' are their fragments. Absent: no parts. */
  readonly partSec?: number;
  readonly segmentBytesMax: number;
}

/** A closed segment. Times in ticks of the track's timescale, as they stand in the fragments. */
export interface CutSegment {
  /** Which of the run's lines it begins at. */
  readonly slot: number;
  readonly start: number;
  readonly duration: number;
  readonly bytes: Buffer;
}

/** A piece of a segment: a segment's bytes are exactly its parts' bytes in order. Times in ticks. */
export interface CutPart {
  /** Of its segment. */
  readonly slot: number;
  /** Counts from 0 within the segment. */
  readonly index: number;
  readonly start: number;
  readonly duration: number;
  /** Decoding can start with it. */
  readonly independent: boolean;
  /** Most likely the segment's last. */
  readonly final: boolean;
  readonly bytes: Buffer;
}

export type SegmenterEvent =
  | { readonly kind: 'init'; readonly init: InitSegment }
  | { readonly kind: 'opened'; readonly slot: number; readonly start: number }
  | { readonly kind: 'part'; readonly part: CutPart }
  | { readonly kind: 'segment'; readonly segment: CutSegment };

interface GrowingSegment {
  readonly slot: number;
  /** Presentation time. */
  readonly start: number;
  /** Decode times: of the first fragment, and of what would follow the newest. */
  readonly decodeStart: number;
  end: number;
  readonly pieces: Buffer[];
  size: number;
}

/** How much audio goes under one `moof` where nobody asks for parts. */
const AUDIO_FRAGMENT_SEC = 0.25;
/** Where the run before this one ended is known to the rounding of times. */
const FROM_TOLERANCE_SEC = 0.01;
/** Both runs put their pictures on a grid of their own: the first of one may stand this much of a picture before the last's end. */
const FROM_TOLERANCE_PICTURES = 1.5;

/**
 * Turns one rendition of one run, a fragmented MP4 given in pieces of any size, into segments along the run's lines.
 *
 * Life: `push` until the run is over, then `end` once; `advance` whenever more of the lines is known. It holds the open
 * segment and what waits for lines (together bounded by `segmentBytesMax`) and, for audio, the frames that wait for their
 * common `moof`. After a failure it is of no more use.
 *
 * A segment is closed as soon as it reaches a line, not when the next one begins: its last part is known to be the last when
 * it is told of, and the segment may be on its way to the disk while the next one's first part is still being made.
 */
export class Segmenter {
  readonly #options: SegmenterOptions;
  readonly #boxes = new BoxReader();
  #ftyp: Box | null = null;
  #init: InitSegment | null = null;
  #moof: Box | null = null;
  #open: GrowingSegment | null = null;
  /** Fragments behind the last known line. */
  #early: Fragment[] = [];
  #earlyBytes = 0;
  #sound: SoundParts | null = null;
  #sequence = 0;
  /** Decode time of the newest fragment. */
  #newest = Number.NEGATIVE_INFINITY;
  /** A picture at a line was no key, although the lines are where keys are placed: from then on keys are waited for. */
  #missedKey = false;

  constructor(options: SegmenterOptions) {
    this.#options = options;
  }

  /** The slot of the segment that is open. */
  get openSlot(): number | null {
    return this.#open?.slot ?? null;
  }

  *push(piece: Buffer): Generator<SegmenterEvent> {
    for (const box of this.#boxes.push(piece)) yield* this.#take(box);
  }

  /** More of the lines is known. */
  *advance(): Generator<SegmenterEvent> {
    for (let next = this.#early[0]; next !== undefined && this.#mayGo(next); next = this.#early[0]) {
      this.#early.shift();
      this.#earlyBytes -= next.data.length;
      yield* this.#add(next);
    }
  }

  /**
   * Closes the open segment as it stands; a half-written fragment at its end is dropped. So is sound that ran ahead of the
   * pictures where it would make the segment longer than the playlist allows: a run that follows has it once more.
   */
  *end(): Generator<SegmenterEvent> {
    for (const fragment of this.#early.splice(0)) if (this.#stillFits(fragment)) yield* this.#add(fragment);
    yield* this.#close();
  }

  #stillFits({ decodeTime, duration }: Fragment): boolean {
    const open = this.#open;
    if (open === null || this.#slotOf(decodeTime) > open.slot) return true;
    return (decodeTime + duration - open.decodeStart) / this.#timescale <= this.#options.lines.longestSec;
  }

  *#take(box: Box): Generator<SegmenterEvent> {
    if (box.type === 'ftyp') this.#ftyp = box;
    else if (box.type === 'moov') yield { kind: 'init', init: this.#readInit(box) };
    else if (box.type === 'moof') this.#moof = box;
    else if (box.type === 'mdat') yield* this.#receive(this.#readFragment(box));
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
    const { kind, partSec = AUDIO_FRAGMENT_SEC } = this.#options;
    if (kind === 'audio') this.#sound = new SoundParts(partSec * init.timescale);
    return init;
  }

  #readFragment(mdat: Box): Fragment {
    const moof = this.#moof;
    if (moof === null || this.#init === null) throw badMedia('origin.bad-fragment', 'media data came without its moof');
    this.#moof = null;
    return readFragment(moof, mdat, this.#init);
  }

  *#receive(fragment: Fragment): Generator<SegmenterEvent> {
    const { leads = null } = this.#options;
    if (leads !== null) {
      if (fragment.key && !this.#published(fragment)) leads.key(this.#timeline(fragment.presentationTime));
      yield* this.#add(fragment);
      // Keys to come are presented no earlier than they are decoded.
      leads.reached(this.#timeline(fragment.decodeTime + fragment.duration));
    } else if (this.#early.length === 0 && this.#mayGo(fragment)) {
      yield* this.#add(fragment);
    } else {
      this.#early.push(fragment);
      this.#earlyBytes += fragment.data.length;
      this.#checkBytes(this.#earlyBytes + (this.#open?.size ?? 0));
    }
  }

  /** Every line that may cut it is known. A line right where knowledge ends may still come. */
  #mayGo({ decodeTime, duration, presentationTime }: Fragment): boolean {
    const { kind, lines } = this.#options;
    const last = kind === 'audio' ? decodeTime + duration : presentationTime + FROM_TOLERANCE_SEC * this.#timescale;
    return this.#timeline(last) <= lines.knownToSec;
  }

  *#add(fragment: Fragment): Generator<SegmenterEvent> {
    if (fragment.decodeTime <= this.#newest) {
      throw badMedia('origin.bad-fragment', `decode time fell from ${this.#newest} to ${fragment.decodeTime}`);
    }
    this.#newest = fragment.decodeTime;
    if (this.#options.kind === 'audio') yield* this.#addSound(fragment);
    else yield* this.#place(fragment);
    this.#sequence += 1;
  }

  /** An audio fragment holds many frames, and a line may run between any two of them. */
  *#addSound(fragment: Fragment): Generator<SegmenterEvent> {
    let from = 0;
    for (const cut of this.#cutsWithin(fragment)) {
      if (cut > from) yield* this.#place(sliceFragment(fragment, from, cut));
      from = cut;
    }
    yield* this.#place(sliceFragment(fragment, from, fragment.samples.length));
  }

  /** Indexes of the samples before which there is a line, or the end of what was published before. */
  #cutsWithin({ samples, decodeTime, duration }: Fragment): number[] {
    const last = decodeTime + duration - (samples.at(-1)?.duration ?? 0);
    if (this.#placeOf(decodeTime) === this.#placeOf(last)) return [];
    const cuts: number[] = [];
    let [at, place] = [decodeTime, this.#placeOf(decodeTime)];
    for (const [index, sample] of samples.entries()) {
      const here = this.#placeOf(at);
      if (here !== place) cuts.push(index);
      [at, place] = [at + sample.duration, here];
    }
    return cuts;
  }

  /** The slot, or -1 before `fromSec`. */
  #placeOf(time: number): number {
    return this.#isPublished(time) ? -1 : this.#slotOf(time);
  }

  *#place(fragment: Fragment): Generator<SegmenterEvent> {
    if (this.#open !== null && fragment.key && this.#slotOf(fragment.presentationTime) > this.#open.slot) {
      yield* this.#close();
    }
    if (this.#open === null) {
      if (this.#published(fragment)) return;
      if (!fragment.key) {
        this.#missedKey = true;
        return;
      }
      this.#open = this.#begin(fragment);
      yield { kind: 'opened', slot: this.#open.slot, start: this.#open.start };
    }
    yield* this.#extend(this.#open, fragment);
    if (this.#reachesLine(this.#open)) yield* this.#close();
  }

  /** What comes next begins another segment, whatever it is. */
  #reachesLine({ slot, start, decodeStart, end }: GrowingSegment): boolean {
    const { kind, lines } = this.#options;
    if (this.#timeline(end) > lines.knownToSec) return false;
    // Reordered pictures are presented past the time up to which they are decoded.
    const certain = kind === 'audio' || (lines.keysPlaced && start === decodeStart && !this.#missedKey);
    return certain && this.#slotOf(end) > slot;
  }

  #published({ presentationTime, samples }: Fragment): boolean {
    if (this.#options.kind === 'audio') return this.#isPublished(presentationTime);
    return this.#isPublished(presentationTime + FROM_TOLERANCE_PICTURES * (samples[0]?.duration ?? 0));
  }

  #isPublished(time: number): boolean {
    const { fromSec } = this.#options;
    return fromSec !== undefined && this.#timeline(time) < fromSec - FROM_TOLERANCE_SEC;
  }

  #begin(fragment: Fragment): GrowingSegment {
    // The first AAC frame of a run is the encoder's priming, a frame before the timeline: it belongs to what it leads into.
    const isFirst = this.#options.kind === 'audio' && this.#sequence === 0;
    const lead = isFirst ? (fragment.samples[0]?.duration ?? 0) : 0;
    return {
      slot: this.#slotOf(fragment.presentationTime + lead),
      start: fragment.presentationTime,
      decodeStart: fragment.decodeTime,
      end: fragment.decodeTime,
      pieces: [],
      size: 0,
    };
  }

  #slotOf(time: number): number {
    return this.#options.lines.slotAt(this.#timeline(time));
  }

  #timeline(time: number): number {
    return time / this.#timescale - this.#options.timelineOffsetSec;
  }

  get #timescale(): number {
    return this.#init?.timescale ?? 1;
  }

  *#extend(open: GrowingSegment, fragment: Fragment): Generator<SegmenterEvent> {
    open.end = fragment.decodeTime + fragment.duration;
    open.size += fragment.data.length + TABLE_BYTES + fragment.samples.length * SAMPLE_BYTES;
    this.#checkBytes(open.size + this.#earlyBytes);
    this.#checkLength((open.end - open.decodeStart) / this.#timescale);
    if (this.#sound === null) yield* this.#grow(open, [fragment]);
    else for (const group of this.#sound.add(fragment)) yield* this.#grow(open, group);
  }

  /** Fragments that follow one another become a part: one as it came, several under one `moof`. */
  *#grow(open: GrowingSegment, fragments: readonly Fragment[]): Generator<SegmenterEvent> {
    const [first] = fragments;
    if (first === undefined) return;
    const asItCame = this.#sound === null ? first.boxes : null;
    const bytes = asItCame === null ? this.#merge(fragments) : Buffer.concat(asItCame);
    const index = open.pieces.push(bytes) - 1;
    if (this.#options.partSec === undefined) return;
    const duration = fragments.reduce((sum, fragment) => sum + fragment.duration, 0);
    const { presentationTime: start, key: independent } = first;
    const final = this.#options.lines.endsBy(open.slot, this.#timeline(open.end + open.start - open.decodeStart));
    yield { kind: 'part', part: { slot: open.slot, index, start, duration, independent, final, bytes } };
  }

  #merge(fragments: readonly Fragment[]): Buffer {
    return mergeFragments(fragments, this.#init?.trackId ?? 1, this.#sequence);
  }

  #checkBytes(size: number): void {
    const { segmentBytesMax } = this.#options;
    if (size <= segmentBytesMax) return;
    const message = `a segment grew over ${segmentBytesMax} bytes`;
    throw new OriginFailure('origin.segment-too-big', message, { hint: TOO_MUCH_HINT });
  }

  #checkLength(seconds: number): void {
    const { lines, leads = null } = this.#options;
    // Who follows the source's keys may wait for the leader to find out.
    const longest =
      leads === null && lines.knownToSec < Number.POSITIVE_INFINITY ? 2 * lines.longestSec : lines.longestSec;
    if (seconds <= longest) return;
    const message = `a segment grew to ${seconds.toFixed(1)} s`;
    throw new OriginFailure('origin.segment-too-long', message, { hint: TOO_MUCH_HINT });
  }

  *#close(): Generator<SegmenterEvent> {
    const open = this.#open;
    if (open === null) return;
    if (this.#sound !== null) yield* this.#grow(open, this.#sound.take());
    this.#open = null;
    const { slot, start, decodeStart, end, pieces } = open;
    yield { kind: 'segment', segment: { slot, start, duration: end - decodeStart, bytes: Buffer.concat(pieces) } };
  }
}

/** What a `moof` and its entries weigh, roughly. */
const TABLE_BYTES = 100;
const SAMPLE_BYTES = 12;

const TOO_MUCH_HINT =
  'The run is restarted. Lower the bitrate of the ladder, or check that keys still come: from the encoder, or, where the source is passed through, from the publisher.';
