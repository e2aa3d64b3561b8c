import { badMedia } from '../failure.js';
import { type ChildBox, childBoxes } from './box-reader.js';
import { readEsds } from './esds.js';
import { FieldReader } from './field-reader.js';

/** What a sample entry says: the codec as RFC 6381 writes it, and the picture's or sound's shape. */
export interface SampleEntry {
  readonly codecs: string;
  readonly width: number;
  readonly height: number;
  readonly sampleRate: number;
  /** What a decoder must know first: the payload of avcC, hvcC, av1C or esds. */
  readonly decoderConfig: Buffer;
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

interface VisualCodec {
  /** The box that holds the decoder's configuration. */
  readonly config: string;
  readonly describe: (type: string, fields: FieldReader) => string;
}

const VISUAL: Readonly<Record<string, VisualCodec>> = {
  avc1: { config: 'avcC', describe: describeAvc },
  avc3: { config: 'avcC', describe: describeAvc },
  hvc1: { config: 'hvcC', describe: describeHevc },
  hev1: { config: 'hvcC', describe: describeHevc },
  av01: { config: 'av1C', describe: describeAv1 },
};

function readVisual(bytes: Buffer, entry: ChildBox): SampleEntry {
  const codec = VISUAL[entry.type];
  if (codec === undefined)
    throw badMedia('origin.bad-init', `video codec "${entry.type}" is none of H.264, HEVC and AV1`);
  const fields = new FieldReader(bytes, entry.start, entry.end);
  fields.skip(24);
  const [width, height] = [fields.u16(), fields.u16()];
  // The fixed part of a VisualSampleEntry is 78 bytes (§12.1.3.2).
  const config = childBoxes(bytes, entry.start + 78, entry.end).find((box) => box.type === codec.config);
  if (config === undefined) throw badMedia('origin.bad-init', `the ${entry.type} track has no ${codec.config}`);
  const codecs = codec.describe(entry.type, new FieldReader(bytes, config.start, config.end));
  return { codecs, width, height, sampleRate: 0, decoderConfig: bytes.subarray(config.start, config.end) };
}

/** RFC 6381 §3.3: profile, constraint flags and level, each as two hex digits (ISO/IEC 14496-15 §5.3.3). */
function describeAvc(type: string, avcC: FieldReader): string {
  avcC.skip(1);
  return `${type}.${avcC.bytes(3).toString('hex')}`;
}

/** ISO/IEC 14496-15 §E.3: profile, compatibility flags bit-reversed in hex, tier and level, constraint bytes without trailing zeros. */
function describeHevc(type: string, hvcC: FieldReader): string {
  hvcC.skip(1);
  const profile = hvcC.u8();
  const space = ['', 'A', 'B', 'C'][profile >>> 6];
  const compatibility = Array.from({ length: 32 }, bitsOf(hvcC.u32())).reduce(
    (bits, bit, at) => bits + bit * 2 ** at,
    0,
  );
  const constraints = [...hvcC.bytes(6)];
  while (constraints.at(-1) === 0) constraints.pop();
  const tier = profile & 0x20 ? 'H' : 'L';
  const tail = constraints.map((byte) => `.${byte.toString(16).toUpperCase()}`).join('');
  return `${type}.${space}${profile & 0x1f}.${compatibility.toString(16).toUpperCase()}.${tier}${hvcC.u8()}${tail}`;
}

/** The bit at each place, the highest first. */
const bitsOf = (word: number) => (_: unknown, at: number) => (word >>> (31 - at)) & 1;

/** AV1 in ISOBMFF §5: profile, level and tier, bit depth; the optional rest is left out. */
function describeAv1(type: string, av1C: FieldReader): string {
  av1C.skip(1);
  const [first, second] = [av1C.u8(), av1C.u8()];
  const level = String(first & 0x1f).padStart(2, '0');
  const depth = second & 0x40 ? (second & 0x20 ? '12' : '10') : '08';
  return `${type}.${first >>> 5}.${level}${second & 0x80 ? 'H' : 'M'}.${depth}`;
}

function readAudio(bytes: Buffer, entry: ChildBox): SampleEntry {
  if (entry.type !== 'mp4a') throw badMedia('origin.bad-init', `audio codec "${entry.type}" is not AAC`);
  const fields = new FieldReader(bytes, entry.start, entry.end);
  fields.skip(24);
  const sampleRate = fields.u32() >>> 16;
  // The fixed part of an AudioSampleEntry is 28 bytes (§12.2.3.2).
  const esds = childBoxes(bytes, entry.start + 28, entry.end).find((box) => box.type === 'esds');
  if (esds === undefined) throw badMedia('origin.bad-init', 'the AAC track has no esds');
  const codecs = describeAudio(new FieldReader(bytes, esds.start, esds.end));
  return { codecs, width: 0, height: 0, sampleRate, decoderConfig: bytes.subarray(esds.start, esds.end) };
}

/** RFC 6381 §3.3: the object type, and for MPEG-4 audio (0x40) the audio object type. */
function describeAudio(esds: FieldReader): string {
  const { objectType, specificConfig } = readEsds(esds);
  if (objectType !== 0x40) return `mp4a.${objectType.toString(16).padStart(2, '0')}`;
  const word = new FieldReader(specificConfig, 0, specificConfig.length).u16();
  const short = word >>> 11;
  const audioObjectType = short === 31 ? 32 + ((word >>> 5) & 0x3f) : short;
  return `mp4a.40.${audioObjectType}`;
}
