import type { Frame } from '../media/frame.js';
import type { Slate, SlateTrack } from './slate.js';

/** Behind by more than this (the box slept, the feed was blocked), the loop begins anew at the wall clock's place. */
const BEHIND_MS_MAX = 3000;

/**
 * Plays a slate over and over, in real time by the wall clock.
 *
 * Lifetime: one stay on air. Each track repeats by its own length, so that neither leaves a gap. Pure: reads no clock.
 */
export class SlateLoop {
  readonly #slate: Slate;
  #tracks: TrackLoop[] = [];

  /** The first frames stand at `startMs`. */
  constructor(slate: Slate, startMs: number) {
    this.#slate = slate;
    this.#beginAt(startMs);
  }

  /** Hands out everything due up to `nowMs`, in order of time (timescale 1000). */
  play(nowMs: number, emit: (frame: Frame) => void): void {
    const first = this.#earliest();
    if (first !== null && nowMs - first.nextMs > BEHIND_MS_MAX) this.#beginAt(Math.round(nowMs));
    for (let loop = this.#earliest(); loop !== null && loop.nextMs <= nowMs; loop = this.#earliest()) emit(loop.take());
  }

  #beginAt(startMs: number): void {
    const { video, audio } = this.#slate;
    this.#tracks = [video, audio].flatMap((track) => (track === null ? [] : [new TrackLoop(track, startMs)]));
  }

  #earliest(): TrackLoop | null {
    const [one, two] = this.#tracks;
    if (one === undefined || two === undefined) return one ?? null;
    return one.nextMs <= two.nextMs ? one : two;
  }
}

/** One track of a slate from `startMs` on, again and again. */
export class TrackLoop {
  readonly #track: SlateTrack;
  #loopMs: number;
  #index = 0;

  constructor(track: SlateTrack, startMs: number) {
    this.#track = track;
    this.#loopMs = startMs;
  }

  get nextMs(): number {
    return this.#loopMs + (this.#track.frames[this.#index]?.ms ?? 0);
  }

  /** The next frame at its place; a slate has no B-frames, so it is shown when it is decoded. */
  take(): Frame {
    const ms = Math.round(this.nextMs);
    const frame = this.#track.frames[this.#index]?.frame ?? this.#track.first;
    this.#index += 1;
    if (this.#index >= this.#track.frames.length) {
      this.#index = 0;
      this.#loopMs += this.#track.lengthMs;
    }
    return { ...frame, dts: ms, pts: ms, timescale: 1000 };
  }
}
