import type { SourceFacts } from '../media/source-facts.js';

/** How a feed gets into what a target takes: FLV over RTMP, MPEG-TS over SRT. */
export type ContainerPlan =
  | { readonly kind: 'send'; readonly format: 'flv' | 'mpegts'; readonly sound: 'copied' | 'encoded' }
  | { readonly kind: 'unsupported'; readonly reason: string };

const INTO_TS = new Set(['h264', 'hevc']);
/** Enhanced RTMP, which ffmpeg writes since 6.1. */
const INTO_ENHANCED_FLV = new Set(['h264', 'hevc', 'av1', 'vp9']);
/** FLV has no number for other rates of MP3 (Video File Format Specification 10.1, E.4.2.1). */
const MP3_RATES_IN_FLV = new Set([11_025, 22_050, 44_100]);

const NAMES: Readonly<Record<string, string>> = { h264: 'H.264', hevc: 'HEVC', av1: 'AV1', vp8: 'VP8', vp9: 'VP9' };
const ADVICE = 'the picture is sent as it comes: let the publisher send H.264';

/** `enhanced`: whether ffmpeg writes enhanced RTMP. */
export function planContainer(
  scheme: 'rtmp' | 'rtmps' | 'srt',
  { video, audio }: SourceFacts,
  enhanced: boolean,
): ContainerPlan {
  const codec = video?.codec ?? null;
  const name = codec === null ? '' : (NAMES[codec] ?? codec);
  if (scheme === 'srt') {
    if (codec !== null && !INTO_TS.has(codec)) return no(`MPEG-TS cannot carry ${name}; ${ADVICE}`);
    return { kind: 'send', format: 'mpegts', sound: 'copied' };
  }
  if (codec !== null && !INTO_ENHANCED_FLV.has(codec)) return no(`RTMP cannot carry ${name}; ${ADVICE}`);
  if (codec !== null && codec !== 'h264' && !enhanced) {
    return no(`${name} over RTMP takes ffmpeg 6.1 or newer; ${ADVICE}, or install a newer ffmpeg`);
  }
  const fits =
    audio === null || audio.codec === 'aac' || (audio.codec === 'mp3' && MP3_RATES_IN_FLV.has(audio.sampleRate));
  return { kind: 'send', format: 'flv', sound: fits ? 'copied' : 'encoded' };
}

const no = (reason: string): ContainerPlan => ({ kind: 'unsupported', reason });
