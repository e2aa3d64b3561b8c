import { badMedia } from '../failure.js';
import { type Box, type ChildBox, childBoxes, onlyChild } from './box-reader.js';
import { readSampleEntry } from './codec-string.js';
import { FieldReader } from './field-reader.js';

/** What a CMAF header (ISO/IEC 23000-19 §7.3.1: one track) says about the fragments that follow it. */
export interface InitSegment {
  /** `ftyp` and `moov` as they came. */
  readonly bytes: Buffer;
  readonly trackId: number;
  readonly kind: 'video' | 'audio';
  /** Ticks per second of all times in the fragments. */
  readonly timescale: number;
  /** RFC 6381, e.g. `avc1.64001f`, `mp4a.40.2`. */
  readonly codecs: string;
  /** Pixels; 0 for audio. */
  readonly width: number;
  readonly height: number;
  /** Hz; 0 for video. */
  readonly sampleRate: number;
  /** What a decoder must know first: the payload of avcC, hvcC, av1C or esds. */
  readonly decoderConfig: Buffer;
  readonly defaults: SampleDefaults;
}

/** From `trex` (ISO/IEC 14496-12 §8.8.3): what a fragment means where it does not say. */
export interface SampleDefaults {
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

/** Reads `ftyp` and `moov`. Throws `origin.bad-init` or `origin.bad-box` when they do not describe exactly one H.264, HEVC, AV1 or AAC track. */
export function readInitSegment(ftyp: Box, moov: Box): InitSegment {
  const { bytes } = moov;
  const root: ChildBox = { type: 'moov', start: moov.payloadStart, end: bytes.length };
  const trak = onlyChild(bytes, root, 'trak');
  const trackId = readTrackId(bytes, onlyChild(bytes, trak, 'tkhd'));
  const mdia = onlyChild(bytes, trak, 'mdia');
  const kind = readHandler(bytes, onlyChild(bytes, mdia, 'hdlr'));
  const timescale = readTimescale(bytes, onlyChild(bytes, mdia, 'mdhd'));
  const stbl = onlyChild(bytes, onlyChild(bytes, mdia, 'minf'), 'stbl');
  const entry = readSampleEntry(bytes, onlyChild(bytes, stbl, 'stsd'), kind);
  return {
    bytes: Buffer.concat([ftyp.bytes, bytes]),
    trackId,
    kind,
    timescale,
    ...entry,
    defaults: readDefaults(bytes, onlyChild(bytes, root, 'mvex'), trackId),
  };
}

function readTrackId(bytes: Buffer, tkhd: ChildBox): number {
  const fields = new FieldReader(bytes, tkhd.start, tkhd.end);
  fields.skip(fields.versionAndFlags().version === 1 ? 16 : 8);
  return fields.u32();
}

function readHandler(bytes: Buffer, hdlr: ChildBox): 'video' | 'audio' {
  const fields = new FieldReader(bytes, hdlr.start, hdlr.end);
  fields.skip(8);
  const handler = fields.type();
  if (handler === 'vide') return 'video';
  if (handler === 'soun') return 'audio';
  throw badMedia('origin.bad-init', 'the track is neither video nor audio');
}

function readTimescale(bytes: Buffer, mdhd: ChildBox): number {
  const fields = new FieldReader(bytes, mdhd.start, mdhd.end);
  fields.skip(fields.versionAndFlags().version === 1 ? 16 : 8);
  const timescale = fields.u32();
  if (timescale === 0) throw badMedia('origin.bad-init', 'the track has a timescale of 0');
  return timescale;
}

function readDefaults(bytes: Buffer, mvex: ChildBox, trackId: number): SampleDefaults {
  for (const child of childBoxes(bytes, mvex.start, mvex.end)) {
    if (child.type !== 'trex') continue;
    const fields = new FieldReader(bytes, child.start, child.end);
    fields.skip(4);
    if (fields.u32() !== trackId) continue;
    fields.skip(4);
    return { duration: fields.u32(), size: fields.u32(), flags: fields.u32() };
  }
  throw badMedia('origin.bad-init', 'the movie header names no defaults (trex) for its track');
}
