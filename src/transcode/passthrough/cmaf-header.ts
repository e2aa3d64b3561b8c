/** The CMAF header (ISO/IEC 23000-19 §7.3.1) of one track that is passed through. Pure. */
import type { SourceTrack } from '../feed/matroska-tracks.js';
import { box, fullBox, u8, u16, u32, zeros } from './cmaf-box.js';

export interface PassedTrack {
  readonly source: SourceTrack;
  /** Ticks per second of the fragments. */
  readonly timescale: number;
  /** Pixels; 0 for sound. */
  readonly width: number;
  readonly height: number;
  /** Hz and channels; 0 for a picture. */
  readonly sampleRate: number;
  readonly channels: number;
}

/** Every track is the only one of its file. */
export const TRACK_ID = 1;
export const NON_SYNC_FLAGS = 0x01010000;
export const SYNC_FLAGS = 0x02000000;

/** `ftyp` and `moov`. */
export function writeCmafHeader(track: PassedTrack): Buffer {
  const brands = Buffer.concat([Buffer.from('iso6'), u32(0), Buffer.from('iso6cmfcmp41')]);
  const defaults = track.source.kind === 'video' ? NON_SYNC_FLAGS : SYNC_FLAGS;
  const mvex = box('mvex', fullBox('trex', 0, 0, u32(TRACK_ID, 1, 0, 0, defaults)));
  return Buffer.concat([box('ftyp', brands), box('moov', movieHeader(), writeTrack(track), mvex)]);
}

const MATRIX = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);

/** §8.2.2; a duration of 0: it lies in the fragments. */
function movieHeader(): Buffer {
  const rateAndVolume = Buffer.concat([u32(0x10000), u16(0x0100), zeros(10)]);
  return fullBox('mvhd', 0, 0, u32(0, 0, 1000, 0), rateAndVolume, MATRIX, zeros(24), u32(TRACK_ID + 1));
}

function writeTrack(track: PassedTrack): Buffer {
  const isVideo = track.source.kind === 'video';
  const volume = u16(0, 0, isVideo ? 0 : 0x0100, 0);
  const size = u32(track.width * 0x10000, track.height * 0x10000);
  const tkhd = fullBox('tkhd', 0, 3, u32(0, 0, TRACK_ID, 0, 0), zeros(8), volume, MATRIX, size);
  const mdhd = fullBox('mdhd', 0, 0, u32(0, 0, track.timescale, 0), u16(UNDETERMINED, 0));
  const handler = Buffer.from(`${isVideo ? 'vide' : 'soun'}${'\0'.repeat(12)}Headwater\0`, 'latin1');
  const media = isVideo ? fullBox('vmhd', 0, 1, zeros(8)) : fullBox('smhd', 0, 0, zeros(4));
  const minf = box('minf', media, DATA_HERE, sampleTable(track));
  return box('trak', tkhd, box('mdia', mdhd, fullBox('hdlr', 0, 0, zeros(4), handler), minf));
}

/** The language `und`, as mdhd packs it (§8.4.2.3). */
const UNDETERMINED = 0x55c4;
const DATA_HERE = box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1)));

/** Its tables are empty: the samples lie in the fragments. */
function sampleTable(track: PassedTrack): Buffer {
  const entry = track.source.kind === 'video' ? visualEntry(track) : audioEntry(track);
  const empty = ['stts', 'stsc', 'stco'].map((type) => fullBox(type, 0, 0, u32(0)));
  return box('stbl', fullBox('stsd', 0, 0, u32(1), entry), ...empty, fullBox('stsz', 0, 0, u32(0, 0)));
}

const VISUAL = { h264: ['avc1', 'avcC'], hevc: ['hvc1', 'hvcC'], av1: ['av01', 'av1C'] } as const;

/** Whether a picture of that codec can be passed through at all. */
export function isPassable(codec: SourceTrack['codec']): codec is keyof typeof VISUAL {
  return codec !== null && codec in VISUAL;
}

/** §12.1.3: 72 dots an inch, one frame a sample, 24 bits of depth. */
function visualEntry({ source, width, height }: PassedTrack): Buffer {
  if (!isPassable(source.codec)) throw new Error(`${source.codec} is not passed through`);
  const [type, config] = VISUAL[source.codec];
  const shape = Buffer.concat([u16(width, height), u32(0x480000, 0x480000, 0), u16(1), zeros(32), u16(24, 0xffff)]);
  return box(type, zeros(6), u16(1), zeros(16), shape, box(config, source.config));
}

/** §12.2.3. */
function audioEntry({ source, sampleRate, channels }: PassedTrack): Buffer {
  const shape = Buffer.concat([zeros(6), u16(1), zeros(8), u16(channels, 16), zeros(4), u16(sampleRate, 0)]);
  return box('mp4a', shape, fullBox('esds', 0, 0, elementaryStream(source.config)));
}

/** ES, decoder config, decoder specific and SL config descriptors (ISO/IEC 14496-1 §7.2.6) around an AudioSpecificConfig. */
function elementaryStream(config: Buffer): Buffer {
  const specific = descriptor(0x05, config);
  const decoder = descriptor(0x04, Buffer.concat([u8(0x40, 0x15, 0, 0, 0), u32(0, 0), specific]));
  return descriptor(0x03, Buffer.concat([u16(TRACK_ID), u8(0), decoder, descriptor(0x06, u8(0x02))]));
}

/** Lengths of four bytes, 7 bits each: every reader takes them (§8.3.3). */
function descriptor(tag: number, payload: Buffer): Buffer {
  const { length } = payload;
  const size = [21, 14, 7].map((shift) => ((length >>> shift) & 0x7f) | 0x80);
  return Buffer.concat([u8(tag, ...size, length & 0x7f), payload]);
}
