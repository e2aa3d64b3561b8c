import type { Codec, DecoderConfig } from '../media/frame.js';
import type { AudioFacts, VideoFacts } from '../media/source-facts.js';
import { readAacConfig } from './aac-config.js';
import { readAv1Config } from './av1-config.js';
import { readAvcConfig } from './avc-config.js';
import { readSps } from './avc-sps.js';
import { readHevcConfig } from './hevc-config.js';
import { readHevcSps } from './hevc-sps.js';
import { readMp3Header } from './mp3-config.js';
import { readOpusHead } from './opus-config.js';
import type { PictureFacts } from './picture-facts.js';
import { readVp8KeyFrame } from './vp8-config.js';
import { readVp9Config } from './vp9-config.js';

/** What a decoder config says about its track, or why it can't be used (a sentence for the publisher). */
export type TrackFacts =
  | { readonly track: 'video'; readonly facts: VideoFacts }
  | { readonly track: 'audio'; readonly facts: AudioFacts };
export type FactsVerdict =
  | { readonly ok: true; readonly facts: TrackFacts }
  | { readonly ok: false; readonly message: string };

type Pictures = PictureFacts | string;
type Sound = Omit<AudioFacts, 'codec'> | string;

/** A decoder config is some dozens of bytes; one above this is no decoder config. */
const CONFIG_BYTES_MAX = 65_536;
/** Channel layouts in use end at 7.1. */
const CHANNELS_MAX = 8;
/** Opus always plays at this rate (RFC 7845 §5.1). */
const OPUS_RATE = 48_000;

/** A text is a refusal. */
const READERS: Record<Codec, (data: Buffer) => Pictures | Sound> = {
  h264: readH264,
  hevc: readHevc,
  av1: (data) =>
    readAv1Config(data) ?? 'the AV1 configuration is damaged or lacks its sequence header: restart the encoder',
  vp9: (data) => readVp9Config(data) ?? 'the VP9 configuration is damaged: restart the encoder',
  vp8: (data) => readVp8KeyFrame(data) ?? 'the VP8 key frame is damaged: restart the encoder',
  aac: readAac,
  opus: readOpus,
  mp3: (data) => readMp3Header(data) ?? 'the MP3 frame header is damaged: send AAC instead',
};

/** Reads facts from any admitted codec's decoder config. Never throws: the bytes are foreign. */
export function readTrackFacts({ track, codec, data }: DecoderConfig): FactsVerdict {
  if (data.length > CONFIG_BYTES_MAX) return refused(`the ${track} decoder configuration is too large`);
  const read = READERS[codec](data);
  if (typeof read === 'string') return refused(read);
  if ('width' in read) return { ok: true, facts: { track: 'video', facts: { codec, rotation: 0, ...read } } };
  const { sampleRate, channels } = read;
  return { ok: true, facts: { track: 'audio', facts: { codec, sampleRate, channels } } };
}

function readH264(record: Buffer): Pictures {
  const config = readAvcConfig(record);
  if (config === null) return 'the H.264 decoder configuration is damaged: restart the encoder';
  if (config.lengthSize !== 4) return 'H.264 NAL unit lengths must be 4 bytes: set the encoder to that';
  const first = config.sps[0];
  const sps = first === undefined ? null : readSps(first);
  return sps ?? 'the H.264 sequence parameter set is damaged: restart the encoder';
}

function readHevc(record: Buffer): Pictures {
  const config = readHevcConfig(record);
  if (config === null) return 'the HEVC decoder configuration is damaged: restart the encoder';
  if (config.lengthSize !== 4) return 'HEVC NAL unit lengths must be 4 bytes: set the encoder to that';
  const first = config.sps[0];
  const sps = first === undefined ? null : readHevcSps(first);
  return sps?.picture ?? 'the HEVC sequence parameter set is damaged: restart the encoder';
}

function readAac(config: Buffer): Sound {
  const aac = readAacConfig(config);
  if (aac === null) return 'the AAC decoder configuration is damaged or of an unsupported kind: send AAC-LC';
  if (aac.channels > CHANNELS_MAX) return `AAC with ${aac.channels} channels is not supported: send stereo`;
  return aac;
}

function readOpus(head: Buffer): Sound {
  const opus = readOpusHead(head);
  if (opus === null) return 'the Opus identification header is damaged or of an unsupported kind: send stereo';
  return { sampleRate: OPUS_RATE, channels: opus.channels };
}

function refused(message: string): FactsVerdict {
  return { ok: false, message };
}
