import type { Frame, TrackKind } from '../media/frame.js';

/** A frame waits at most this long, in media time, for the other track to catch up. */
const WAIT_MAX_MS = 500;
/** A track this far behind counts as silent, and nobody waits for it. */
const SILENT_MS = 1000;
const FRAMES_MAX = 512;

/**
 * Puts the frames of two tracks in order of decode time. Holds a frame only while the other track may still bring an
 * earlier one: not beyond WAIT_MAX_MS of media, not for a track that has fallen silent, and not for one that isn't there.
 *
 * Lifetime: one broadcast; `flush` empties it between feeds and sources. Frames come with timescale 1000 and rising dts
 * per track.
 */
export class Interleaver {
  readonly #held: Record<TrackKind, Frame[]> = { video: [], audio: [] };
  readonly #last: Record<TrackKind, number | null> = { video: null, audio: null };
  readonly #emit: (frame: Frame) => void;

  /** `emit` is called for each frame when its turn has come. */
  constructor(emit: (frame: Frame) => void) {
    this.#emit = emit;
  }

  push(frame: Frame): void {
    this.#held[frame.track].push(frame);
    this.#last[frame.track] = frame.dts;
    for (let next = this.#earliest(); next !== null && this.#mayGo(next); next = this.#earliest()) this.#pass(next);
  }

  /** Passes on everything held, in order. */
  flush(): void {
    for (let next = this.#earliest(); next !== null; next = this.#earliest()) this.#pass(next);
  }

  #pass(frame: Frame): void {
    this.#held[frame.track].shift();
    this.#emit(frame);
  }

  #earliest(): Frame | null {
    const video = this.#held.video[0];
    const audio = this.#held.audio[0];
    if (video === undefined || audio === undefined) return video ?? audio ?? null;
    return video.dts <= audio.dts ? video : audio;
  }

  #mayGo(frame: Frame): boolean {
    const otherLast = this.#last[frame.track === 'video' ? 'audio' : 'video'];
    const ownLast = this.#last[frame.track] ?? frame.dts;
    if (otherLast === null || otherLast >= frame.dts) return true;
    if (frame.dts - otherLast > SILENT_MS || ownLast - frame.dts >= WAIT_MAX_MS) return true;
    return this.#held.video.length + this.#held.audio.length > FRAMES_MAX;
  }
}
