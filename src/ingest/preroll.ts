import type { Frame } from '../media/frame.js';

/** A source whose keys are further apart than this, or whose pictures are heavier, is taken at its next key instead. */
const SPAN_MS_MAX = 10_000;
const BYTES_MAX = 16 * 1024 * 1024;

/**
 * A source's frames since its last key, at their places on the timeline: what a decoder needs to show the newest picture at
 * once, when the source comes on air or when a feed has to begin in the middle.
 *
 * Lifetime: one source. Bounded in media time and in bytes; past a bound it is empty until the next key.
 */
export class Preroll {
  #frames: Frame[] = [];
  #bytes = 0;

  /** In the order in which they came; the first one is the key. */
  get frames(): readonly Frame[] {
    return this.#frames;
  }

  /** `starts`: a feed can begin with this frame. */
  add(frame: Frame, starts: boolean): void {
    if (starts) this.clear();
    else if (this.#frames.length === 0) return;
    this.#frames.push(frame);
    this.#bytes += frame.data.length;
    const spanMs = frame.dts - (this.#frames[0]?.dts ?? frame.dts);
    if (spanMs > SPAN_MS_MAX || this.#bytes > BYTES_MAX) this.clear();
  }

  clear(): void {
    this.#frames = [];
    this.#bytes = 0;
  }
}

/** Where a squeezed run of pictures begins on the timeline, and by how much later than due it ends. */
export interface Squeezed {
  readonly frames: readonly Frame[];
  readonly startMs: number;
  readonly lateMs: number;
}

/**
 * The pictures of `held` moved together to 1 ms apart, in their order, so that the newest one keeps its place unless
 * `floorMs` (the first free place) is too late for that. Sound from before the newest picture is left out; sound after it
 * stays. Pictures due after the newest one in decode order (B-frames around it) keep their distance to it.
 */
export function squeeze(held: readonly Frame[], floorMs: number): Squeezed {
  const pictures = held.filter((frame) => frame.track === 'video');
  const newest = pictures.at(-1)?.dts ?? held.at(-1)?.dts ?? floorMs;
  const count = Math.max(1, pictures.length);
  const startMs = Math.max(floorMs, newest - count + 1);
  const endMs = startMs + count - 1;
  const lateMs = endMs - newest;
  const byDisplay = [...pictures].sort((a, b) => a.pts - b.pts);
  const shown = new Map(byDisplay.map((frame, rank) => [frame, startMs + rank]));
  let next = startMs;
  const squeezed = pictures.map((frame) => {
    const rankMs = shown.get(frame) ?? endMs;
    const pts = frame.pts > newest ? Math.max(frame.pts + lateMs, rankMs) : rankMs;
    return { ...frame, dts: next++, pts };
  });
  const sound = held.filter((frame) => frame.track === 'audio' && frame.dts >= newest);
  return { frames: [...squeezed, ...sound.map((frame) => late(frame, lateMs))], startMs, lateMs };
}

function late(frame: Frame, byMs: number): Frame {
  return byMs === 0 ? frame : { ...frame, dts: frame.dts + byMs, pts: frame.pts + byMs };
}
