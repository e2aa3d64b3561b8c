/**
 * Gives pictures their decode times and durations: the feed carries only when they are presented.
 *
 * Within a group that begins with a key and stands alone, the pictures in the order of decoding take the group's
 * presentation times in rising order, all of them earlier by as much as the encoder reorders: so no picture is presented before
 * it is decoded, and the group after it begins where this one ends. A picture's time is certain once as many have followed as
 * the encoder reorders. Both are learned as pictures come.
 *
 * Fragments are as long as parts may be: one ends where its group does, and where another picture would make it too long.
 * Whether one would is judged by how long pictures last by the source's own account: waiting for it would hold the others back.
 *
 * Holds the group's pictures that are not certain yet: at most what the encoder reorders (16 at most, ITU-T H.264 §A.3.1) and
 * those of one fragment.
 */
import type { BlockItem } from '../feed/matroska-reader.js';
import type { PartLength } from '../part-length.js';
import type { PassedSample } from './cmaf-fragment.js';

export interface TimedSamples {
  /** Ticks. */
  readonly decodeTime: number;
  readonly samples: readonly PassedSample[];
}

const REORDER_MAX = 16;

export class VideoSamples {
  readonly #ticksPerMs: number;
  readonly #partMs: number;
  readonly #pictureMs: number;
  /** Pictures without a decode time, in the order of decoding. */
  #pictures: BlockItem[] = [];
  /** Presentation times of the group that no picture has taken as its decode time, rising; ms. */
  #times: number[] = [];
  #reorder = 0;
  /** How much earlier than it is presented a picture is decoded at the least, ticks. */
  #lead = 0;
  /** Where the next picture's decode time may begin, ticks. */
  #next = Number.NEGATIVE_INFINITY;
  #begun = false;

  constructor(options: { ticksPerMs: number; part: PartLength }) {
    this.#ticksPerMs = options.ticksPerMs;
    this.#partMs = Math.round(options.part.maxSec * 1000);
    this.#pictureMs = 1000 / options.part.frameRate;
  }

  /** The fragments that the picture completes: the end of the group before a key, or what is certain of its own group. */
  add(picture: BlockItem): TimedSamples[] {
    if (!this.#begun && !picture.key) return [];
    const ended = picture.key && this.#begun ? this.#endGroup(picture.timeMs) : [];
    this.#begun = true;
    if (!picture.key) this.#learn(picture.timeMs);
    this.#pictures.push(picture);
    const at = this.#times.findLastIndex((time) => time <= picture.timeMs);
    this.#times.splice(at + 1, 0, picture.timeMs);
    return [...ended, ...this.#takeFull(this.#times.length - this.#reorder - 1)];
  }

  /** All that is left; the last picture lasts as long as the one before it. */
  flush(): TimedSamples[] {
    const [last = 0, before = last - 40] = [this.#times.at(-1), this.#times.at(-2)];
    return this.#endGroup(last + (last - before));
  }

  /** How many of the pictures before this one are shown after it. */
  #learn(timeMs: number): void {
    const later = this.#pictures.reduce((count, other) => count + (other.timeMs > timeMs ? 1 : 0), 0);
    this.#reorder = Math.min(REORDER_MAX, Math.max(this.#reorder, later));
  }

  #endGroup(endMs: number): TimedSamples[] {
    this.#times.push(endMs);
    const ended: TimedSamples[] = [];
    while (this.#times.length > 1) ended.push(this.#cut(this.#fitting(this.#times.length - 1)));
    this.#times = [];
    return ended;
  }

  /** What is full of the first `certain` pictures. The time behind them is certain too: it ends the last one. */
  #takeFull(certain: number): TimedSamples[] {
    const full: TimedSamples[] = [];
    for (let left = certain; left > 0; ) {
      const count = this.#fitting(left);
      if (count === left && this.#lasts(count) + this.#pictureMs <= this.#partMs) break;
      full.push(this.#cut(count));
      left -= count;
    }
    return full;
  }

  /** How many of the first `most` pictures make one part: at least one, however long it lasts. */
  #fitting(most: number): number {
    let count = 1;
    while (count < most && this.#lasts(count + 1) <= this.#partMs) count += 1;
    return count;
  }

  /** Of the first `count` pictures together, ms. */
  #lasts(count: number): number {
    return (this.#times[count] ?? 0) - (this.#times[0] ?? 0);
  }

  #cut(count: number): TimedSamples {
    const times = this.#times.splice(0, count);
    const pictures = this.#pictures.splice(0, count);
    const ends = [...times.slice(1), this.#times[0] ?? 0];
    for (const [index, { timeMs }] of pictures.entries()) {
      this.#lead = Math.max(this.#lead, Math.round(((times[index] ?? 0) - timeMs) * this.#ticksPerMs));
    }
    const decodeTime = this.#place(times[0] ?? 0);
    this.#next = decodeTime;
    const samples = pictures.map((picture, index) => this.#sample(picture, ends[index] ?? 0));
    return { decodeTime, samples };
  }

  #sample({ timeMs, key, payload }: BlockItem, endMs: number): PassedSample {
    const start = this.#next;
    // At least one tick: times that stand still or fall (a damaged source) must not stop the decoder's clock.
    this.#next = Math.max(start + 1, Math.round(endMs * this.#ticksPerMs) - this.#lead);
    const size = payload.reduce((sum, piece) => sum + piece.length, 0);
    const compositionOffset = Math.round(timeMs * this.#ticksPerMs) - start;
    return { duration: this.#next - start, compositionOffset, key, payload, size };
  }

  #place(timeMs: number): number {
    return Math.max(this.#next, Math.round(timeMs * this.#ticksPerMs) - this.#lead);
  }
}
