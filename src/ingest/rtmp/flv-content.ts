import type { DecoderConfig, Frame } from '../../media/frame.js';

/** The part of an audio or video message that is its content: an FLV tag body. */
export interface MediaMessage {
  readonly kind: 'audio' | 'video';
  /** Milliseconds, 32 bits. */
  readonly clock: number;
  readonly payload: Buffer;
}

export type FlvContent =
  | { readonly kind: 'config'; readonly config: DecoderConfig }
  /** `config` where the codec has its configuration within the frames: it goes first. */
  | { readonly kind: 'frame'; readonly frame: Frame; readonly config: DecoderConfig | null }
  /** Needs no answer: an end of sequence, an empty tag, metadata. */
  | { readonly kind: 'ignored' }
  /** Only the first track of several is taken; `trackId` is not it. */
  | { readonly kind: 'other-track'; readonly track: 'audio' | 'video'; readonly trackId: number }
  | { readonly kind: 'unsupported'; readonly message: string };

export const IGNORED: FlvContent = { kind: 'ignored' };
export const SEND_VIDEO = 'send H.264, HEVC, AV1, VP9 or VP8';
export const SEND_AUDIO = 'send AAC, Opus or MP3';

export function unsupported(what: string, instead: string): FlvContent {
  return { kind: 'unsupported', message: `${what} is not supported: ${instead}` };
}
