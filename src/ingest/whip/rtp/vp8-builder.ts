import type { DecoderConfig } from '../../../media/frame.js';
import { writeVp8Config } from '../../vp8-config.js';
import { type CodedPicture, PICTURE_BYTES_MAX, type PictureBuilder } from './picture-builder.js';

/**
 * VP8 (RFC 7741): takes the payload descriptor off, and says when the picture's size changed.
 *
 * Lifetime: one stream.
 */
export class Vp8Builder implements PictureBuilder {
  #parts: Buffer[] = [];
  #bytes = 0;
  #config: Buffer | null = null;

  /** §4.2: the start of the first partition is the start of the frame. */
  begins(payload: Buffer): boolean {
    return ((payload[0] ?? 0) & 0x17) === 0x10;
  }

  add(payload: Buffer): boolean {
    const start = descriptorBytes(payload);
    if (start === null || start >= payload.length) return false;
    if ((this.#parts.length === 0) !== this.begins(payload)) return false;
    const part = payload.subarray(start);
    this.#bytes += part.length;
    if (this.#bytes > PICTURE_BYTES_MAX) return false;
    this.#parts.push(part);
    return true;
  }

  finish(): CodedPicture | null {
    const data = Buffer.concat(this.#parts);
    this.reset();
    if (data.length === 0) return null;
    // §9.1: the lowest bit is 0 in a key frame.
    if ((data.readUInt8(0) & 1) !== 0) return { config: null, data, key: false };
    const config = writeVp8Config(data);
    return config === null ? null : { config: this.#changed(config), data, key: true };
  }

  reset(): void {
    this.#parts = [];
    this.#bytes = 0;
  }

  #changed(config: Buffer): DecoderConfig | null {
    if (this.#config?.equals(config) === true) return null;
    this.#config = config;
    return { track: 'video', codec: 'vp8', data: config };
  }
}

/** RFC 7741 §4.2; null where it is cut short. */
function descriptorBytes(payload: Buffer): number | null {
  const first = payload[0];
  if (first === undefined) return null;
  if ((first & 0x80) === 0) return 1;
  const extensions = payload[1];
  if (extensions === undefined) return null;
  let bytes = 2;
  // The picture's number has 7 or 15 bits.
  if ((extensions & 0x80) !== 0) bytes += ((payload[2] ?? 0) & 0x80) === 0 ? 1 : 2;
  if ((extensions & 0x40) !== 0) bytes += 1;
  if ((extensions & 0x30) !== 0) bytes += 1;
  return bytes;
}
