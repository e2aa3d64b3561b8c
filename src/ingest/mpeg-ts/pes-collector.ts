import type { Clock90k } from './clock-90k.js';
import { signedDistance } from './clock-90k.js';
import type { ElementaryStream } from './elementary-stream.js';
import { type PesHead, readPesHead } from './pes-head.js';

/** The largest coded picture that is taken; sound has PES packets of 64 KiB at most. */
const UNIT_BYTES_MAX = 4 * 1024 * 1024;
const UNIT_BYTES_FIRST = 64 * 1024;

/**
 * Puts the PES packets of one PID together. A video packet without a time continues the unit before it: an access unit may
 * take several packets (ISO/IEC 13818-1 §2.4.3.7).
 *
 * Lifetime: as long as the PMT lists the PID as this stream. *Idle* until a packet begins a unit, then *collecting*; a loss or
 * a unit above the bound leads back to *idle*. Memory: one unit, at most 4 MiB.
 */
export class PesCollector {
  readonly #stream: ElementaryStream;
  readonly #clock: Pick<Clock90k, 'unwrap'>;
  readonly #video: boolean;
  #bytes: Buffer = Buffer.allocUnsafe(UNIT_BYTES_FIRST);
  #length = 0;
  #head: PesHead | null = null;
  #latestDts: number | null = null;
  #damaged = 0;

  /** `audio` is for everything whose PES packets say how long they are. */
  constructor(options: { stream: ElementaryStream; clock: Pick<Clock90k, 'unwrap'>; track: 'video' | 'audio' }) {
    this.#stream = options.stream;
    this.#clock = options.clock;
    this.#video = options.track === 'video';
  }

  /** Units left out: incomplete, without a head that can be read, or too large. */
  get damaged(): number {
    return this.#damaged;
  }

  /** One packet's payload, from `start` to `end`. */
  push(bytes: Buffer, start: number, end: number, unitStart: boolean): void {
    const begin = unitStart ? this.#begin(bytes, start, end) : start;
    if (this.#head === null) return;
    this.#append(bytes, begin, end);
    const wanted = this.#video ? null : this.#head?.payloadBytes;
    if (typeof wanted === 'number' && this.#length >= wanted) {
      this.#length = wanted;
      this.flush();
    }
  }

  /** Packets of this PID are missing: the unit under way is given up, as half a picture does more harm than none. */
  lost(): void {
    if (this.#head !== null) this.#drop();
    this.#stream.lost();
  }

  /** What has been collected is whole. */
  flush(): void {
    const head = this.#head;
    this.#head = null;
    if (head === null || this.#length === 0) return;
    const payload = this.#bytes.subarray(0, this.#length);
    const coded = head.dts ?? head.pts;
    if (coded === null || head.pts === null) {
      this.#stream.unit(payload, null, null);
      return;
    }
    const dts = this.#clock.unwrap(coded, this.#latestDts);
    this.#latestDts = dts;
    this.#stream.unit(payload, dts + signedDistance(head.pts, coded), dts);
  }

  /** Where the payload begins in this packet. */
  #begin(bytes: Buffer, start: number, end: number): number {
    const head = readPesHead(bytes, start, end);
    if (head !== null && head.pts === null && this.#video && this.#head !== null) return head.start;
    this.flush();
    this.#head = head;
    this.#length = 0;
    if (head === null) this.#damaged++;
    return head?.start ?? end;
  }

  #append(bytes: Buffer, start: number, end: number): void {
    const length = this.#length + end - start;
    if (length > UNIT_BYTES_MAX) {
      this.#drop();
      return;
    }
    if (length > this.#bytes.length) this.#grow(length);
    bytes.copy(this.#bytes, this.#length, start, end);
    this.#length = length;
  }

  #grow(length: number): void {
    const larger = Buffer.allocUnsafe(Math.min(UNIT_BYTES_MAX, Math.max(length, this.#bytes.length * 2)));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }

  #drop(): void {
    this.#head = null;
    this.#length = 0;
    this.#damaged++;
  }
}
