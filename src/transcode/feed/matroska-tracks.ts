import type { Codec } from '../../media/frame.js';
import { childElements, MatroskaFault, readUint } from './ebml-element.js';

/** A track as the feed's header describes it. */
export interface SourceTrack {
  readonly number: number;
  readonly kind: 'video' | 'audio';
  /** Null for one that nothing here has a name for. */
  readonly codec: Codec | null;
  /** What a decoder must know: `DecoderConfig.data` of that codec. Empty where there is none. */
  readonly config: Buffer;
}

/** Matroska codec ids (Matroska Codec Specifications). */
const CODECS: Readonly<Record<string, Codec>> = {
  'V_MPEG4/ISO/AVC': 'h264',
  'V_MPEGH/ISO/HEVC': 'hevc',
  V_AV1: 'av1',
  V_VP8: 'vp8',
  V_VP9: 'vp9',
  A_AAC: 'aac',
  A_OPUS: 'opus',
  'A_MPEG/L3': 'mp3',
};

const TRACK_ENTRY = 0xae;
const TRACK_NUMBER = 0xd7;
const TRACK_TYPE = 0x83;
const CODEC_ID = 0x86;
const CODEC_PRIVATE = 0x63a2;
const KINDS: Readonly<Record<number, SourceTrack['kind']>> = { 1: 'video', 2: 'audio' };
const TRACKS_MAX = 8;

/** Reads the payload of a Tracks element (RFC 9559 §5.1.4); tracks that are neither picture nor sound are left out. */
export function readTracks(tracks: Buffer): SourceTrack[] {
  const entries = childElements(tracks).filter((child) => child.id === TRACK_ENTRY);
  if (entries.length > TRACKS_MAX) throw new MatroskaFault('the feed has too many tracks');
  return entries.flatMap(({ payload }) => {
    const fields = new Map(childElements(payload).map((child) => [child.id, child.payload]));
    const number = (id: number) => readUint(fields.get(id) ?? Buffer.alloc(0));
    const kind = KINDS[number(TRACK_TYPE)];
    if (kind === undefined) return [];
    const codec = CODECS[(fields.get(CODEC_ID) ?? Buffer.alloc(0)).toString('latin1').replace(/\0+$/, '')] ?? null;
    return [{ number: number(TRACK_NUMBER), kind, codec, config: fields.get(CODEC_PRIVATE) ?? Buffer.alloc(0) }];
  });
}
