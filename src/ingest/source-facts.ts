import type { DecoderConfig } from '../media/frame.js';
import type { AudioFacts, VideoFacts } from '../media/source-facts.js';
import { readAacConfig } from './aac-config.js';
import { readAvcConfig } from './avc-config.js';
import { readSps } from './avc-sps.js';

/** What a decoder config says about its track, or why it can't be used (a sentence for the publisher). */
export type TrackFacts =
  | { readonly track: 'video'; readonly facts: VideoFacts }
  | { readonly track: 'audio'; readonly facts: AudioFacts };
export type FactsVerdict =
  | { readonly ok: true; readonly facts: TrackFacts }
  | { readonly ok: false; readonly message: string };

/** A decoder config is some dozens of bytes; one above this is no decoder config. */
const CONFIG_BYTES_MAX = 65_536;
/** AAC channel layouts in use end at 7.1. */
const CHANNELS_MAX = 8;

/** Reads facts from an H.264 or AAC decoder config. Never throws: the bytes are foreign. */
export function readTrackFacts(config: DecoderConfig): FactsVerdict {
  if (config.data.length > CONFIG_BYTES_MAX) return refused(`the ${config.track} decoder configuration is too large`);
  if (config.codec === 'h264') return readVideoFacts(config.data);
  if (config.codec === 'aac') return readAudioFacts(config.data);
  return refused(`${config.codec} is not supported here: send H.264 video and AAC audio`);
}

function readVideoFacts(record: Buffer): FactsVerdict {
  const config = readAvcConfig(record);
  if (config === null) return refused('the H.264 decoder configuration is damaged');
  if (config.lengthSize !== 4) return refused('H.264 NAL unit lengths must be 4 bytes');
  const first = config.sps[0];
  const sps = first === undefined ? null : readSps(first);
  if (sps === null) return refused('the H.264 sequence parameter set is damaged');
  return { ok: true, facts: { track: 'video', facts: { codec: 'h264', rotation: 0, ...sps } } };
}

function readAudioFacts(config: Buffer): FactsVerdict {
  const aac = readAacConfig(config);
  if (aac === null) return refused('the AAC decoder configuration is damaged or of an unsupported kind');
  if (aac.channels > CHANNELS_MAX) return refused(`AAC with ${aac.channels} channels is not supported`);
  const { sampleRate, channels } = aac;
  return { ok: true, facts: { track: 'audio', facts: { codec: 'aac', sampleRate, channels } } };
}

function refused(message: string): FactsVerdict {
  return { ok: false, message };
}
