import type { AudioCodec, DecoderConfig, Frame, VideoCodec } from '../../media/frame.js';
import { writeMp3Config } from '../mp3-config.js';
import { writeVp8Config } from '../vp8-config.js';
import { writeVp9Config } from '../vp9-config.js';
import { AUDIO_FOURCC, VIDEO_FOURCC } from './enhanced-capabilities.js';
import { type EnhancedTag, readEnhancedTag } from './enhanced-tag.js';
import { type FlvContent, IGNORED, type MediaMessage, SEND_AUDIO, SEND_VIDEO, unsupported } from './flv-content.js';

const MP3 = 2;
const ENHANCED_AUDIO = 9;
const AAC = 10;
const H264 = 7;
/** Not Adobe's, but what many encoders of before enhanced RTMP send: laid out like H.264. */
const HEVC = 12;
const CONFIG = 0;
const CODED = 1;
const KEY_FRAME = 1;
const COMMAND_FRAME = 5;
const AAC_HEAD_BYTES = 2;
const VIDEO_HEAD_BYTES = 5;
const OFFSET_BYTES = 3;
/** Version and flags before the fields of vpcC; some encoders leave them out. */
const VPCC_HEAD = Buffer.from([1, 0, 0, 0]);
const AUDIO_NAMES: Partial<Record<number, string>> = {
  0: 'PCM',
  1: 'ADPCM',
  3: 'PCM',
  4: 'Nellymoser',
  5: 'Nellymoser',
  6: 'Nellymoser',
  7: 'G.711 A-law',
  8: 'G.711 mu-law',
  11: 'Speex',
};
const VIDEO_NAMES: Partial<Record<number, string>> = {
  2: 'Sorenson H.263',
  3: 'Screen video',
  4: 'VP6',
  5: 'VP6',
  6: 'Screen video',
  13: 'AV1 without a FourCC',
};

/**
 * Reads the FLV tag bodies (Adobe FLV 10.1, Annex E.4.2 and E.4.3; Enhanced RTMP v2) that audio and video messages carry.
 *
 * Lifetime: one publisher. It remembers what its codecs say once (VP9's configuration) or say anew in each frame (MP3's header).
 */
export class FlvReader {
  #vpcc: Buffer | null = null;
  /** The configs that were last read out of frames. */
  readonly #implied: Record<'audio' | 'video', Buffer | null> = { audio: null, video: null };

  read(message: MediaMessage): FlvContent {
    return message.kind === 'audio' ? this.#audio(message) : this.#video(message);
  }

  #audio(message: MediaMessage): FlvContent {
    const { clock, payload } = message;
    if (payload.length === 0) return IGNORED;
    const format = (payload[0] ?? 0) >> 4;
    if (format === ENHANCED_AUDIO) return this.#enhanced(message);
    if (format === MP3) return this.#frame('audio', 'mp3', clock, 0, true, payload.subarray(1));
    if (format !== AAC) return unsupported(AUDIO_NAMES[format] ?? `audio format ${format}`, SEND_AUDIO);
    if (payload.length <= AAC_HEAD_BYTES) return IGNORED;
    const data = payload.subarray(AAC_HEAD_BYTES);
    return payload[1] === CONFIG ? config('audio', 'aac', data) : this.#frame('audio', 'aac', clock, 0, true, data);
  }

  #video(message: MediaMessage): FlvContent {
    const { clock, payload } = message;
    if (payload.length === 0) return IGNORED;
    const first = payload[0] ?? 0;
    if ((first & 0x80) !== 0) return this.#enhanced(message);
    if (first >> 4 === COMMAND_FRAME) return IGNORED;
    const id = first & 0x0f;
    if (id !== H264 && id !== HEVC) return unsupported(VIDEO_NAMES[id] ?? `video codec ${id}`, SEND_VIDEO);
    if (payload.length <= VIDEO_HEAD_BYTES) return IGNORED;
    const codec = id === H264 ? 'h264' : 'hevc';
    const data = payload.subarray(VIDEO_HEAD_BYTES);
    if (payload[1] === CONFIG) return config('video', codec, data);
    if (payload[1] !== CODED) return IGNORED;
    return this.#frame('video', codec, clock, signed24(payload, 2), first >> 4 === KEY_FRAME, data);
  }

  #enhanced({ kind, clock, payload }: MediaMessage): FlvContent {
    const tag = readEnhancedTag(kind, payload);
    if (tag === null || tag.packet === 'other') return IGNORED;
    if (tag.trackId !== 0) return { kind: 'other-track', track: kind, trackId: tag.trackId };
    const codec = kind === 'video' ? VIDEO_FOURCC.get(tag.fourCc) : AUDIO_FOURCC.get(tag.fourCc);
    if (codec === undefined)
      return unsupported(`${kind} of type ${tag.fourCc}`, kind === 'video' ? SEND_VIDEO : SEND_AUDIO);
    if (tag.packet === 'config') return this.#enhancedConfig(kind, codec, tag.body);
    const hasOffset = tag.packet === 'frame' && (codec === 'h264' || codec === 'hevc');
    if (!hasOffset) return this.#frame(kind, codec, clock, 0, tag.key, tag.body);
    return this.#offsetFrame(codec, clock, tag);
  }

  /** MP3 and VP8 have none of their own, and VP9's lacks the size. */
  #enhancedConfig(track: 'audio' | 'video', codec: VideoCodec | AudioCodec, body: Buffer): FlvContent {
    if (codec === 'vp9') {
      const fields = body.subarray(0, VPCC_HEAD.length).equals(VPCC_HEAD) ? body.subarray(VPCC_HEAD.length) : body;
      this.#vpcc = Buffer.from(fields);
    }
    return codec === 'mp3' || codec === 'vp8' || codec === 'vp9' ? IGNORED : config(track, codec, body);
  }

  #offsetFrame(codec: VideoCodec | AudioCodec, clock: number, { key, body }: EnhancedTag): FlvContent {
    if (body.length <= OFFSET_BYTES) return IGNORED;
    return this.#frame('video', codec, clock, signed24(body, 0), key, body.subarray(OFFSET_BYTES));
  }

  #frame(
    track: 'audio' | 'video',
    codec: VideoCodec | AudioCodec,
    dts: number,
    offset: number,
    key: boolean,
    data: Buffer,
  ): FlvContent {
    if (data.length === 0) return IGNORED;
    const frame: Frame = { track, codec, dts, pts: dts + offset, timescale: 1000, key, data };
    return { kind: 'frame', frame, config: this.#impliedConfig(frame) };
  }

  #impliedConfig({ track, codec, key, data }: Frame): DecoderConfig | null {
    const implied = key ? this.#configIn(codec, data) : null;
    if (implied === null || this.#implied[track]?.equals(implied)) return null;
    this.#implied[track] = implied;
    return { track, codec, data: implied };
  }

  #configIn(codec: Frame['codec'], data: Buffer): Buffer | null {
    if (codec === 'mp3') return writeMp3Config(data);
    if (codec === 'vp8') return writeVp8Config(data);
    return codec === 'vp9' ? writeVp9Config(this.#vpcc, data) : null;
  }
}

/** A config is kept for as long as its track lasts, so it gets memory of its own. */
function config(track: 'audio' | 'video', codec: VideoCodec | AudioCodec, data: Buffer): FlvContent {
  return { kind: 'config', config: { track, codec, data: Buffer.from(data) } };
}

function signed24(bytes: Buffer, at: number): number {
  return bytes.readIntBE(at, 3);
}
