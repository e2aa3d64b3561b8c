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
 * Lifetime: one broadcast; `flush` empties it between feeds. Frames come with timescale 1000 and rising dts per track.
 */
export class Interleaver {
  readonly #held: Record<TrackKind, Frame[]> = { video: [], audio: [] };
  readonly #last: Record<TrackKind, number | null> = { video: null, audio: null };

  /** What may go on now that `frame` has come, in order. */
  push(frame: Frame): Frame[] {
    this.#held[frame.track].push(frame);
    this.#last[frame.track] = frame.dts;
    const ready: Frame[] = [];
    for (let next = this.#earliest(); next !== null && this.#mayGo(next); next = this.#earliest()) {
      this.#held[next.track].shift();
      ready.push(next);
    }
    return ready;
  }

  /** Everything held, in order. */
  flush(): Frame[] {
    const rest: Frame[] = [];
    for (let next = this.#earliest(); next !== null; next = this.#earliest()) {
      this.#held[next.track].shift();
      rest.push(next);
    }
    return rest;
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
