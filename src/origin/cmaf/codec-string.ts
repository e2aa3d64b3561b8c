import { badMedia } from '../failure.js';
import { type ChildBox, childBoxes } from './box-reader.js';
import { FieldReader } from './field-reader.js';

/** What a sample entry says: the codec as RFC 6381 writes it, and the picture's or sound's shape. */
export interface SampleEntry {
  readonly codecs: string;
  readonly width: number;
  readonly height: number;
  readonly sampleRate: number;
}

/** Reads the one sample entry of an `stsd` (ISO/IEC 14496-12 §8.5.2). */
export function readSampleEntry(bytes: Buffer, stsd: ChildBox, kind: 'video' | 'audio'): SampleEntry {
  const entries = childBoxes(bytes, stsd.start + 8, stsd.end);
  const [entry] = entries;
  if (entry === undefined || entries.length > 1) {
    throw badMedia('origin.bad-init', `the track has ${entries.length} sample entries where one belongs`);
  }
  return kind === 'video' ? readVisual(bytes, entry) : readAudio(bytes, entry);
}

function readVisual(bytes: Buffer, entry: ChildBox): SampleEntry {
  if (entry.type !== 'avc1' && entry.type !== 'avc3') {
    throw badMedia('origin.bad-init', `video codec "${entry.type}" is not H.264`);
  }
  const fields = new FieldReader(bytes, entry.start, entry.end);
  fields.skip(24);
  const [width, height] = [fields.u16(), fields.u16()];
  // The fixed part of a VisualSampleEntry is 78 bytes (§12.1.3.2).
  const avcC = childBoxes(bytes, entry.start + 78, entry.end).find((box) => box.type === 'avcC');
  if (avcC === undefined) throw badMedia('origin.bad-init', 'the H.264 track has no avcC');
  return { codecs: `${entry.type}.${readAvcProfile(bytes, avcC)}`, width, height, sampleRate: 0 };
}

/** RFC 6381 §3.3: profile, constraint flags and level, each as two hex digits (ISO/IEC 14496-15 §5.3.3). */
function readAvcProfile(bytes: Buffer, avcC: ChildBox): string {
  const fields = new FieldReader(bytes, avcC.start, avcC.end);
  fields.skip(1);
  return fields.bytes(3).toString('hex');
}

function readAudio(bytes: Buffer, entry: ChildBox): SampleEntry {
  if (entry.type !== 'mp4a') throw badMedia('origin.bad-init', `audio codec "${entry.type}" is not AAC`);
  const fields = new FieldReader(bytes, entry.start, entry.end);
  fields.skip(24);
  const sampleRate = fields.u32() >>> 16;
  // The fixed part of an AudioSampleEntry is 28 bytes (§12.2.3.2).
  const esds = childBoxes(bytes, entry.start + 28, entry.end).find((box) => box.type === 'esds');
  if (esds === undefined) throw badMedia('origin.bad-init', 'the AAC track has no esds');
  return { codecs: readEsds(bytes, esds), width: 0, height: 0, sampleRate };
}

/** Descends ES, decoder config and decoder specific descriptors (ISO/IEC 14496-1 §7.2.6) to the audio object type. */
function readEsds(bytes: Buffer, esds: ChildBox): string {
  const fields = new FieldReader(bytes, esds.start, esds.end);
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
  if (objectType !== 0x40) return `mp4a.${objectType.toString(16).padStart(2, '0')}`;
  expectDescriptor(fields, 0x05);
  const word = fields.u16();
  const short = word >>> 11;
  const audioObjectType = short === 31 ? 32 + ((word >>> 5) & 0x3f) : short;
  return `mp4a.40.${audioObjectType}`;
}

function expectDescriptor(fields: FieldReader, tag: number): void {
  if (fields.u8() !== tag) throw badMedia('origin.bad-init', 'the AAC track has an esds that cannot be read');
  // The length is 7 bits a byte, at most four bytes (§8.3.3); the box's own end bounds what follows.
  for (let count = 0; count < 4; count += 1) {
    if ((fields.u8() & 0x80) === 0) return;
  }
}
