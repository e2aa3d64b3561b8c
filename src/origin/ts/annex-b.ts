import { FieldReader } from '../cmaf/field-reader.js';
import type { InitSegment } from '../cmaf/init-segment.js';
import type { TimedSample } from './cmaf-samples.js';
import { makePes, type PesPacket } from './pes.js';

/** Where a NAL unit lies in its sample, without the length before it. */
interface NalUnit {
  readonly start: number;
  readonly end: number;
  readonly type: number;
}

/** What differs between H.264 (ITU-T H.264 §7.4.1) and HEVC (ITU-T H.265 §7.4.2.2). */
interface NalSyntax {
  readonly typeOf: (firstByte: number) => number;
  readonly delimiterType: number;
  /** An access unit delimiter that allows any kind of slice, behind its start code. */
  readonly delimiter: Buffer;
  /** Sequence parameter sets: where a key has one itself, it needs no others. */
  readonly sequenceType: number;
}

const H264: NalSyntax = {
  typeOf: (byte) => byte & 0x1f,
  delimiterType: 9,
  delimiter: Buffer.from([0, 0, 0, 1, 0x09, 0xf0]),
  sequenceType: 7,
};
const HEVC: NalSyntax = {
  typeOf: (byte) => (byte >> 1) & 0x3f,
  delimiterType: 35,
  delimiter: Buffer.from([0, 0, 0, 1, 0x46, 0x01, 0x50]),
  sequenceType: 33,
};
const START_CODE = 1;

/** How a track's pictures become a byte stream (ITU-T H.264 and H.265 Annex B). */
export class AnnexB {
  readonly #syntax: NalSyntax;
  /** Of the length before each NAL unit: 1 to 4. */
  readonly #lengthBytes: number;
  /** With their start codes. */
  readonly #parameterSets: Buffer;

  /** Throws `origin.bad-box` when the configuration breaks off. */
  constructor(codec: 'h264' | 'hevc', { decoderConfig }: InitSegment) {
    const config = codec === 'h264' ? readAvcConfig(decoderConfig) : readHevcConfig(decoderConfig);
    this.#syntax = codec === 'h264' ? H264 : HEVC;
    this.#lengthBytes = config.lengthBytes;
    this.#parameterSets = Buffer.concat(config.parameterSets.flatMap((set) => [Buffer.from([0, 0, 0, 1]), set]));
  }

  /** A picture as a PES packet: delimiter, before a key the parameter sets, then what it is made of, caption SEI and all. */
  pes(sample: TimedSample): PesPacket {
    const { delimiter, delimiterType, sequenceType } = this.#syntax;
    const all = this.#nalUnits(sample.data);
    const units = all.filter(({ type }) => type !== delimiterType);
    const brings = units.some(({ type }) => type === sequenceType);
    const lead = sample.key && !brings ? [delimiter, this.#parameterSets] : [delimiter];
    const size = lead.reduce((sum, { length }) => sum + length, 0);
    const total = units.reduce((sum, { start, end }) => sum + 4 + end - start, size);
    return makePes('video', sample, total, (bytes, at) => {
      let position = lead.reduce((to, piece) => to + piece.copy(bytes, to), at);
      for (const { start, end } of units) {
        position = bytes.writeUInt32BE(START_CODE, position);
        position += sample.data.copy(bytes, position, start, end);
      }
    });
  }

  /** What a source has broken ends where the sample ends: a decoder conceals a cut slice. */
  #nalUnits(data: Buffer): NalUnit[] {
    const units: NalUnit[] = [];
    let at = 0;
    while (at + this.#lengthBytes < data.length) {
      const start = at + this.#lengthBytes;
      const end = Math.min(data.length, start + data.readUIntBE(at, this.#lengthBytes));
      if (end > start) units.push({ start, end, type: this.#syntax.typeOf(data[start] ?? 0) });
      at = end;
    }
    return units;
  }
}

interface NalConfig {
  readonly lengthBytes: number;
  readonly parameterSets: readonly Buffer[];
}

/** ISO/IEC 14496-15 §5.3.3.1. The extension for high profiles repeats what the sequence parameter sets say. */
function readAvcConfig(avcC: Buffer): NalConfig {
  const fields = new FieldReader(avcC, 0, avcC.length);
  fields.skip(4);
  const lengthBytes = (fields.u8() & 3) + 1;
  const sequence = readSets(fields, fields.u8() & 0x1f);
  return { lengthBytes, parameterSets: [...sequence, ...readSets(fields, fields.u8())] };
}

/** §8.3.3.1: arrays of parameter sets and SEI messages, video parameter sets first by their number. */
function readHevcConfig(hvcC: Buffer): NalConfig {
  const fields = new FieldReader(hvcC, 0, hvcC.length);
  fields.skip(21);
  const lengthBytes = (fields.u8() & 3) + 1;
  const arrays = Array.from({ length: fields.u8() }, () => {
    const type = fields.u8() & 0x3f;
    return { type, sets: readSets(fields, fields.u16()) };
  });
  arrays.sort((one, other) => one.type - other.type);
  return { lengthBytes, parameterSets: arrays.flatMap(({ sets }) => sets) };
}

function readSets(fields: FieldReader, count: number): Buffer[] {
  return Array.from({ length: count }, () => fields.bytes(fields.u16()));
}
