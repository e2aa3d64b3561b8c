/** Times count 90 kHz in 33 bits and come round after 26.5 hours (ISO/IEC 13818-1 §2.4.3.7). */
const WRAP = 2 ** 33;

/** The time congruent to `ticks` that is nearest to `near`. */
function unwrapNear(ticks: number, near: number): number {
  return near + signedDistance(ticks, near);
}

/** From `from` to `to` the short way round, -2^32 to 2^32 - 1. */
export function signedDistance(to: number, from: number): number {
  const distance = (((to - from) % WRAP) + WRAP) % WRAP;
  return distance >= WRAP / 2 ? distance - WRAP : distance;
}

/** Unwraps the times of a program's tracks: each follows its own, and a track's first one follows the other's. */
export class Clock90k {
  #latest: number | null = null;

  /** The newest time of any track; null before the first. */
  get latest(): number | null {
    return this.#latest;
  }

  /** As `unwrap`, of a time that is none of a track's: it is not remembered. */
  near(ticks: number): number {
    return this.#latest === null ? ticks : unwrapNear(ticks, this.#latest);
  }

  /** `before`: the track's time before this one; null for its first. */
  unwrap(ticks: number, before: number | null): number {
    const near = before ?? this.#latest;
    const time = near === null ? ticks : unwrapNear(ticks, near);
    this.#latest = time;
    return time;
  }
}
