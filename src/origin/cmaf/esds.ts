import { badMedia } from '../failure.js';
import type { FieldReader } from './field-reader.js';

/** What an `esds` says of the sound in its track. */
export interface AudioDescription {
  /** ISO/IEC 14496-1 Table 5: 0x40 is MPEG-4 audio, 0x69 and 0x6b are MP3. */
  readonly objectType: number;
  /** AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1) and what may follow it; empty where the object type needs none. */
  readonly specificConfig: Buffer;
}

const MPEG4_AUDIO = 0x40;

/**
 * Descends the ES, decoder config and decoder specific descriptors (ISO/IEC 14496-1 §7.2.6) of an `esds`; `fields` begin at
 * its version. Throws `origin.bad-init` or `origin.bad-box`.
 */
export function readEsds(fields: FieldReader): AudioDescription {
  fields.skip(4);
  expectDescriptor(fields, 0x03);
  fields.skip(2);
  const flags = fields.u8();
  if (flags & 0x80) fields.skip(2);
  if (flags & 0x40) fields.skip(fields.u8());
  if (flags & 0x20) fields.skip(2);
  expectDescriptor(fields, 0x04);
  const objectType = fields.u8();
  fields.skip(12);
  if (objectType !== MPEG4_AUDIO) return { objectType, specificConfig: Buffer.alloc(0) };
  const length = expectDescriptor(fields, 0x05);
  return { objectType, specificConfig: fields.bytes(Math.min(length, fields.remaining)) };
}

/** @returns the length that the descriptor claims, bytes. */
function expectDescriptor(fields: FieldReader, tag: number): number {
  if (fields.u8() !== tag) throw badMedia('origin.bad-init', 'the AAC track has an esds that cannot be read');
  let length = 0;
  // The length is 7 bits a byte, at most four bytes (§8.3.3); the box's own end bounds what follows.
  for (let count = 0; count < 4; count += 1) {
    const byte = fields.u8();
    length = length * 128 + (byte & 0x7f);
    if ((byte & 0x80) === 0) break;
  }
  return length;
}
