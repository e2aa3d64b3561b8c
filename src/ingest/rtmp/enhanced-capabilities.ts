import type { AudioCodec, VideoCodec } from '../../media/frame.js';

/** The codecs that enhanced RTMP names by four characters (Enhanced RTMP v2, "ExVideoTagHeader" and "ExAudioTagHeader"). */
export const VIDEO_FOURCC: ReadonlyMap<string, VideoCodec> = new Map([
  ['avc1', 'h264'],
  ['hvc1', 'hevc'],
  ['av01', 'av1'],
  ['vp09', 'vp9'],
  ['vp08', 'vp8'],
]);
export const AUDIO_FOURCC: ReadonlyMap<string, AudioCodec> = new Map([
  ['mp4a', 'aac'],
  ['Opus', 'opus'],
  ['.mp3', 'mp3'],
]);

const CAN_DECODE = 0x01;
const CAPS_MOD_EX = 0x04;

function decodable(codes: Iterable<string>): Record<string, number> {
  return Object.fromEntries(Array.from(codes, (code) => [code, CAN_DECODE]));
}

/** What the answer to `connect` says of them (Enhanced RTMP v2, "Enhancing NetConnection connect Command"). */
export const CAPABILITIES = {
  fourCcList: [...VIDEO_FOURCC.keys(), ...AUDIO_FOURCC.keys()],
  videoFourCcInfoMap: decodable(VIDEO_FOURCC.keys()),
  audioFourCcInfoMap: decodable(AUDIO_FOURCC.keys()),
  capsEx: CAPS_MOD_EX,
} as const;

/** The properties of a `connect` by which a client shows that it knows about FourCCs. */
export const CAPABILITY_NAMES = ['fourCcList', 'videoFourCcInfoMap', 'audioFourCcInfoMap', 'capsEx'] as const;
