import type { DecoderConfig } from '../../../media/frame.js';

/** One coded picture as a frame carries it. `data` is empty where the packets held nothing to show. */
export interface CodedPicture {
  readonly config: DecoderConfig | null;
  readonly data: Buffer;
  readonly key: boolean;
}

/** Puts one codec's RTP payloads together again. What it holds is bounded: a picture that grows too large is damaged. */
export interface PictureBuilder {
  /** Whether a picture surely begins with this payload, whatever came before. */
  begins(payload: Buffer): boolean;
  /** False: the payload is damaged or of no use, and so is the picture. */
  add(payload: Buffer): boolean;
  /** The picture, which is then no longer held; null where a part of it is missing. */
  finish(): CodedPicture | null;
  /** Drops what is held. */
  reset(): void;
}

/** A key of 2160 lines at its best is below this. */
export const PICTURE_BYTES_MAX = 4 * 1024 * 1024;
