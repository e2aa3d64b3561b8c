import type { LiveRun, SegmentPart } from './live-segment.js';
import { Waiters } from './waiters.js';

/** A part with its bytes. */
export interface OpenPart extends SegmentPart {
  /** Most likely the segment's last: what comes next is the next segment's first. */
  readonly final: boolean;
  readonly bytes: Buffer;
}

export interface OpenSegmentFacts {
  readonly number: number;
  readonly run: LiveRun;
  readonly rendition: string;
  /** Presentation time of the first sample, in ticks. */
  readonly start: number;
  readonly timescale: number;
}

/**
 * A segment of which parts have been announced, but not yet the whole.
 *
 * Life: made at its first announced part → `add` for each part → `close` when there will be no more (also where its run broke
 * off: what was announced is then all of it) → it leaves the window when the segment is announced. Whoever streams it holds
 * it for as long as that takes.
 */
export class OpenSegment implements OpenSegmentFacts {
  readonly number: number;
  readonly run: LiveRun;
  readonly rendition: string;
  readonly start: number;
  readonly timescale: number;
  readonly #waiters = new Waiters();
  #parts: OpenPart[] = [];
  #closed = false;

  constructor(facts: OpenSegmentFacts) {
    this.number = facts.number;
    this.run = facts.run;
    this.rendition = facts.rendition;
    this.start = facts.start;
    this.timescale = facts.timescale;
  }

  get parts(): readonly OpenPart[] {
    return this.#parts;
  }

  /** There will be no more parts. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Of its parts together, in ticks. */
  get duration(): number {
    return this.#parts.reduce((sum, part) => sum + part.duration, 0);
  }

  add(part: OpenPart): void {
    if (this.#closed || part.index !== this.#parts.length) {
      throw new Error(`part ${part.index} of segment ${this.number} of ${this.rendition} came out of turn`);
    }
    this.#parts.push(part);
    this.#waiters.wake();
  }

  /** `bytes` are the segment's: its parts become views on them, so that memory holds them once. */
  close(bytes: Buffer): void {
    this.#parts = this.#parts.map((part) => ({ ...part, bytes: bytes.subarray(part.offset, part.offset + part.size) }));
    this.#closed = true;
    this.#waiters.wake();
  }

  /**
   * The segment's bytes, part by part as they are announced; ends with the segment, or when `signal` fires.
   *
   * @param idleMsMax throws when no part comes for this long.
   */
  async *stream(signal: AbortSignal, idleMsMax: number): AsyncGenerator<Buffer> {
    for (let index = 0; ; index += 1) {
      const more = () => this.#closed || this.#parts.length > index;
      const waited = await this.#waiters.wait(String(index), more, idleMsMax, signal);
      if (waited === 'gone') return;
      if (waited !== 'there') throw new Error(`part ${this.number}.${index} of ${this.rendition} did not come`);
      const part = this.#parts[index];
      if (part === undefined) return;
      yield part.bytes;
    }
  }
}
