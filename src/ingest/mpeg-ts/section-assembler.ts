import { crc32Mpeg } from './crc32-mpeg.js';

/** PAT and PMT sections end at 1,024 bytes (ISO/IEC 13818-1 §2.4.4.3, §2.4.4.9). */
const SECTION_BYTES_MAX = 1024;
const HEAD_BYTES = 3;
const STUFFING = 0xff;

/**
 * Puts the sections of one PSI PID together and gives out those whose CRC is right.
 *
 * Lifetime: as long as the PID carries PSI. Holds one section at most.
 */
export class SectionAssembler {
  readonly #onSection: (section: Buffer) => void;
  readonly #section: Buffer;
  #length = 0;
  #collecting = false;
  #damaged = 0;

  /** `onSection` gets a copy of its own. Longer sections than `bytesMax` are left out. */
  constructor(onSection: (section: Buffer) => void, bytesMax = SECTION_BYTES_MAX) {
    this.#onSection = onSection;
    this.#section = Buffer.alloc(bytesMax);
  }

  /** Sections that were too long or whose CRC was wrong. */
  get damaged(): number {
    return this.#damaged;
  }

  /** Packets were lost: what has been collected is no use. */
  reset(): void {
    this.#collecting = false;
    this.#length = 0;
  }

  /** One packet's payload. §2.4.4.2: where a section begins in it, its first byte says how far the one before still goes. */
  push(payload: Buffer, unitStart: boolean): void {
    if (!unitStart) {
      this.#collect(payload);
      return;
    }
    const begin = 1 + (payload[0] ?? 0);
    this.#collect(payload.subarray(1, begin));
    this.reset();
    let rest = payload.subarray(begin);
    while (rest.length > 0 && rest[0] !== STUFFING) {
      this.#collecting = true;
      rest = this.#collect(rest);
    }
  }

  /** Takes what belongs to the section under way; the answer is what stands behind its end. */
  #collect(bytes: Buffer): Buffer {
    let rest = bytes;
    while (this.#collecting && rest.length > 0) {
      const wanted = this.#wanted();
      if (wanted > this.#section.length) {
        this.#damaged++;
        this.reset();
        return rest.subarray(rest.length);
      }
      const taken = rest.subarray(0, wanted - this.#length);
      taken.copy(this.#section, this.#length);
      this.#length += taken.length;
      rest = rest.subarray(taken.length);
      if (this.#length >= HEAD_BYTES && this.#length === this.#wanted()) this.#finish();
    }
    return rest;
  }

  /** Bytes of the whole section, or of its head while that is not whole. */
  #wanted(): number {
    return this.#length < HEAD_BYTES ? HEAD_BYTES : HEAD_BYTES + (this.#section.readUInt16BE(1) & 0x0fff);
  }

  #finish(): void {
    const section = Buffer.from(this.#section.subarray(0, this.#length));
    this.reset();
    if (crc32Mpeg(section) === 0) this.#onSection(section);
    else this.#damaged++;
  }
}
