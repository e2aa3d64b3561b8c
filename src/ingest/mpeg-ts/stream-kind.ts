import type { TimedMetadataKind } from '../../media/timed-metadata.js';
import type { Descriptor, ListedStream } from './program-tables.js';

/** What a listed elementary stream is to us. */
export type StreamKind =
  | { readonly use: 'video'; readonly codec: 'h264' | 'hevc' }
  | { readonly use: 'audio'; readonly codec: 'aac' | 'mp3' }
  | { readonly use: 'audio'; readonly codec: 'opus'; readonly channels: number }
  /** Sound or pictures that can't be used; the name is for people. */
  | { readonly use: 'unsupported'; readonly track: 'video' | 'audio'; readonly name: string }
  /** Cues for advertisements in sections, timed ID3 in PES packets. */
  | { readonly use: 'cues'; readonly kind: TimedMetadataKind }
  /** Other data beside the pictures: subtitles, teletext. */
  | { readonly use: 'ignored' };

const PRIVATE_DATA = 0x06;
const REGISTRATION = 0x05;
const METADATA = 0x26;
const METADATA_IN_PES = 0x15;
const SPLICE_INFO = 0x86;
const EXTENSION = 0x7f;
const OPUS_EXTENSION = 0x80;
const AC3_DESCRIPTOR = 0x6a;
const EAC3_DESCRIPTOR = 0x7a;

const video = (name: string): StreamKind => ({ use: 'unsupported', track: 'video', name });
const audio = (name: string): StreamKind => ({ use: 'unsupported', track: 'audio', name });

/** ISO/IEC 13818-1 Table 2-34, and what ATSC and Blu-ray added. */
const BY_TYPE: Partial<Record<number, StreamKind>> = {
  1: video('MPEG-1 video'),
  2: video('MPEG-2 video'),
  3: { use: 'audio', codec: 'mp3' },
  4: { use: 'audio', codec: 'mp3' },
  15: { use: 'audio', codec: 'aac' },
  16: video('MPEG-4 part 2 video'),
  17: audio('AAC in LATM'),
  27: { use: 'video', codec: 'h264' },
  33: video('JPEG 2000'),
  36: { use: 'video', codec: 'hevc' },
  50: video('JPEG XS'),
  51: video('VVC'),
  129: audio('AC-3'),
  130: audio('DTS'),
  135: audio('E-AC-3'),
  209: video('Dirac'),
  210: video('AVS2'),
  234: video('VC-1'),
};

/** The format_identifier of a registration descriptor (§2.6.8). */
const BY_REGISTRATION: Partial<Record<string, StreamKind>> = {
  HEVC: { use: 'video', codec: 'hevc' },
  AV01: video('AV1'),
  VP08: video('VP8'),
  VP09: video('VP9'),
  'VC-1': video('VC-1'),
  'AC-3': audio('AC-3'),
  EAC3: audio('E-AC-3'),
  BSSD: audio('SMPTE 302M'),
};

/** `program`: the descriptors of the whole program. */
export function kindOf(stream: ListedStream, program: readonly Descriptor[] = []): StreamKind {
  const listed = BY_TYPE[stream.type];
  if (listed !== undefined) return listed;
  if (stream.type === SPLICE_INFO && isSpliceInfo(stream, program)) return { use: 'cues', kind: 'scte35' };
  if (stream.type === METADATA_IN_PES && stream.descriptors.some(isId3)) return { use: 'cues', kind: 'id3' };
  return stream.type === PRIVATE_DATA ? privateKind(stream) : { use: 'ignored' };
}

/** SCTE 35 §8.1 registers the program, or the stream; that type of stream is sound to others (DTS-HD on discs, `HDMV`). */
function isSpliceInfo(stream: ListedStream, program: readonly Descriptor[]): boolean {
  const formats = [...stream.descriptors, ...program].filter(({ tag }) => tag === REGISTRATION).map(formatOf);
  return formats.length === 0 || formats.includes('CUEI');
}

/** A metadata descriptor (§2.6.60): application and format, each with an identifier behind it where it is all ones. */
function isId3({ tag, data }: Descriptor): boolean {
  if (tag === REGISTRATION) return formatOf({ data }) === 'ID3 ';
  if (tag !== METADATA || data.length < 3) return false;
  const formatAt = data.readUInt16BE(0) === 0xffff ? 6 : 2;
  return data[formatAt] === 0xff && data.toString('latin1', formatAt + 1, formatAt + 5) === 'ID3 ';
}

const formatOf = ({ data }: Pick<Descriptor, 'data'>) => data.toString('latin1', 0, 4);

function privateKind(stream: ListedStream): StreamKind {
  const data = (tag: number) => stream.descriptors.find((descriptor) => descriptor.tag === tag)?.data;
  const format = data(REGISTRATION)?.toString('latin1', 0, 4) ?? '';
  if (format === 'Opus') return opusKind(stream);
  if (data(AC3_DESCRIPTOR) !== undefined) return audio('AC-3');
  if (data(EAC3_DESCRIPTOR) !== undefined) return audio('E-AC-3');
  return BY_REGISTRATION[format] ?? { use: 'ignored' };
}

/** channel_config_code in the Opus audio descriptor ("Opus in MPEG-TS", §4.3): 1 to 8 are plain channel counts. */
function opusKind(stream: ListedStream): StreamKind {
  const extension = stream.descriptors.find(({ tag, data }) => tag === EXTENSION && data[0] === OPUS_EXTENSION);
  const channels = extension?.data[1] ?? 2;
  if (channels >= 1 && channels <= 8) return { use: 'audio', codec: 'opus', channels };
  return audio(channels === 0 ? 'Opus with two languages' : 'Opus with its own channel mapping');
}
