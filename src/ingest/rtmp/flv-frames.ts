import Flv from 'node-media-server/src/protocol/flv.js';
import type { DecoderConfig, Frame } from '../../media/frame.js';
import type { RtmpMessage } from './guarded-session.js';

/** What an audio or video message holds; `ignored` is something that needs no answer (an end of sequence, an empty tag). */
export type FlvContent =
  | { readonly kind: 'config'; readonly config: DecoderConfig }
  | { readonly kind: 'frame'; readonly frame: Frame }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'unsupported'; readonly message: string };

const IGNORED: FlvContent = { kind: 'ignored' };
const AAC = 10;
const AUDIO_EXTENDED = 9;
const H264 = 7;
const AVC_NAL_UNITS = 1;
const VIDEO_COMMAND_FRAME = 5;
const AUDIO_CONFIG = 0;
const VIDEO_CONFIG = 2;
const KEYFRAME = 3;
const AUDIO_HEAD_BYTES = 2;
const VIDEO_HEAD_BYTES = 5;
const AUDIO_NAMES: Partial<Record<number, string>> = {
  1: 'ADPCM',
  2: 'MP3',
  3: 'PCM',
  7: 'G.711 A-law',
  8: 'G.711 mu-law',
  11: 'Speex',
};
const VIDEO_NAMES: Partial<Record<number, string>> = {
  2: 'Sorenson H.263',
  3: 'Screen video',
  4: 'VP6',
  5: 'VP6',
  12: 'HEVC',
};

/** Reads the FLV tag body (Adobe FLV 10.1, Annex E.4.2 and E.4.3) that an audio or video message carries. */
export function readFlvContent(message: RtmpMessage): FlvContent {
  return message.kind === 'audio' ? readAudio(message) : readVideo(message);
}

function readAudio({ clock, payload }: RtmpMessage): FlvContent {
  const format = (payload[0] ?? 0) >> 4;
  if (format === AUDIO_EXTENDED) return unsupportedFourCc('audio', payload);
  if (format !== AAC)
    return unsupported(`${AUDIO_NAMES[format] ?? `audio format ${format}`} is not supported: send AAC`);
  if (payload.length <= AUDIO_HEAD_BYTES) return IGNORED;
  const data = payload.subarray(AUDIO_HEAD_BYTES);
  if (Flv.parserTag(8, clock, payload.length, payload).flags === AUDIO_CONFIG) {
    return { kind: 'config', config: { track: 'audio', codec: 'aac', data } };
  }
  return {
    kind: 'frame',
    frame: { track: 'audio', codec: 'aac', dts: clock, pts: clock, timescale: 1000, key: true, data },
  };
}

function readVideo({ clock, payload }: RtmpMessage): FlvContent {
  const first = payload[0] ?? 0;
  if ((first & 0x80) !== 0) return unsupportedFourCc('video', payload);
  if (first >> 4 === VIDEO_COMMAND_FRAME) return IGNORED;
  const codec = first & 0x0f;
  if (codec !== H264)
    return unsupported(`${VIDEO_NAMES[codec] ?? `video codec ${codec}`} is not supported: send H.264`);
  if (payload.length <= VIDEO_HEAD_BYTES) return IGNORED;
  const tag = Flv.parserTag(9, clock, payload.length, payload);
  const data = payload.subarray(VIDEO_HEAD_BYTES);
  if (tag.flags === VIDEO_CONFIG) return { kind: 'config', config: { track: 'video', codec: 'h264', data } };
  if (payload[1] !== AVC_NAL_UNITS) return IGNORED;
  const pts = tag.dts + signed24(tag.pts - tag.dts);
  return {
    kind: 'frame',
    frame: { track: 'video', codec: 'h264', dts: tag.dts, pts, timescale: 1000, key: tag.flags === KEYFRAME, data },
  };
}

/** The composition offset is signed (SI24); the library reads it unsigned. */
function signed24(value: number): number {
  return value >= 0x800000 ? value - 0x1000000 : value;
}

/** Enhanced RTMP names codecs by four characters; the first tag of such a track has them in bytes 1 to 4. */
function unsupportedFourCc(track: 'audio' | 'video', payload: Buffer): FlvContent {
  const name = payload.toString('latin1', 1, 5).replace(/[^\x20-\x7e]/g, '?');
  return unsupported(`enhanced RTMP ${track} (${name}) is not supported: send ${track === 'video' ? 'H.264' : 'AAC'}`);
}

function unsupported(message: string): FlvContent {
  return { kind: 'unsupported', message };
}
