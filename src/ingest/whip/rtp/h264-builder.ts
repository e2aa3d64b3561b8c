import { lengthPrefixed } from '../../annex-b.js';
import { ParameterSets } from '../../parameter-sets.js';
import { type CodedPicture, PICTURE_BYTES_MAX, type PictureBuilder } from './picture-builder.js';

const STAP_A = 24;
const FU_A = 28;
const SPS = 7;
const DELIMITER = 9;
const NALS_MAX = 2048;

/**
 * H.264 in packetization mode 1 (RFC 6184 §6.3): single units, STAP-A and FU-A.
 *
 * Lifetime: one stream. Parameter sets are remembered across pictures, and across `reset`.
 */
export class H264Builder implements PictureBuilder {
  readonly #sets = new ParameterSets('h264');
  #nals: Buffer[] = [];
  /** The parts of a fragmented unit, its header first; null while none is open. */
  #fragments: Buffer[] | null = null;
  #bytes = 0;

  /** A sequence parameter set or a delimiter stands first in an access unit (ITU-T H.264 §7.4.1.2.3). */
  begins(payload: Buffer): boolean {
    const type = typeOf(payload);
    const first = type === STAP_A ? typeOf(payload.subarray(3)) : type;
    return first === SPS || first === DELIMITER;
  }

  add(payload: Buffer): boolean {
    const type = typeOf(payload);
    this.#bytes += payload.length;
    if (payload.length < 2 || this.#bytes > PICTURE_BYTES_MAX || this.#nals.length >= NALS_MAX) return false;
    // The first bit is set by whoever found the unit damaged (§1.3).
    if ((payload.readUInt8(0) & 0x80) !== 0) return false;
    if (type === FU_A) return this.#addFragment(payload);
    if (this.#fragments !== null) return false;
    if (type === STAP_A) return this.#addAggregate(payload);
    if (type === 0 || type > 23) return false;
    this.#nals.push(payload);
    return true;
  }

  finish(): CodedPicture | null {
    const complete = this.#fragments === null && this.#nals.length > 0;
    const nals = this.#nals;
    this.reset();
    if (!complete) return null;
    const { config, picture, key } = this.#sets.take(nals);
    return { config, key, data: lengthPrefixed(picture) };
  }

  reset(): void {
    this.#nals = [];
    this.#fragments = null;
    this.#bytes = 0;
  }

  /** §5.7.1: 16 bits of length before each unit. */
  #addAggregate(payload: Buffer): boolean {
    let at = 1;
    while (at + 2 <= payload.length) {
      const end = at + 2 + payload.readUInt16BE(at);
      if (end > payload.length || this.#nals.length >= NALS_MAX) return false;
      if (end > at + 2) this.#nals.push(payload.subarray(at + 2, end));
      at = end;
    }
    return at === payload.length;
  }

  /** §5.8: the unit's header is spread over the indicator and the fragment's own header. */
  #addFragment(payload: Buffer): boolean {
    const indicator = payload.readUInt8(0);
    const fragment = payload.readUInt8(1);
    const starts = (fragment & 0x80) !== 0;
    if (starts === (this.#fragments !== null)) return false;
    const parts = this.#fragments ?? [Buffer.from([(indicator & 0x60) | (fragment & 0x1f)])];
    parts.push(payload.subarray(2));
    const ends = (fragment & 0x40) !== 0;
    this.#fragments = ends ? null : parts;
    if (ends) this.#nals.push(Buffer.concat(parts));
    return true;
  }
}

function typeOf(nal: Buffer): number {
  return (nal[0] ?? 0) & 0x1f;
}
