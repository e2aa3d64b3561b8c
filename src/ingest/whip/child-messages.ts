/**
 * What goes through the pipe between the box and the process that runs WebRTC: blocks of 4 bytes of length (big endian,
 * what follows), one byte of kind, and JSON or media.
 */
import type { Codec, DecoderConfig, Frame } from '../../media/frame.js';
import type { MediaAgreement, MediaStats } from './rtp/media-session.js';

/** How the process is started, as the one argument of its script. */
export interface ChildStart {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly bitrateMaxBps: number;
}

export type ChildCommand =
  | { readonly type: 'open'; readonly session: number; readonly offer: string; readonly agreement: MediaAgreement }
  | { readonly type: 'candidates'; readonly session: number; readonly candidates: readonly string[] }
  | { readonly type: 'need-key'; readonly session: number }
  | { readonly type: 'close'; readonly session: number };

export type ChildReport =
  | { readonly type: 'ready'; readonly port: number }
  /** The process ends after this. */
  | { readonly type: 'unable'; readonly cause: 'not-loaded' | 'in-use' | 'listen-failed'; readonly message: string }
  | { readonly type: 'opened'; readonly session: number; readonly answer: string }
  | { readonly type: 'not-opened'; readonly session: number; readonly message: string }
  | { readonly type: 'connected'; readonly session: number }
  | { readonly type: 'closed'; readonly session: number; readonly reason: string }
  /** Every second, which also shows that the process is alive. */
  | { readonly type: 'stats'; readonly sessions: readonly { readonly session: number; readonly stats: MediaStats }[] };

export type PipeMessage<Control> =
  | { readonly kind: 'control'; readonly control: Control }
  | { readonly kind: 'config'; readonly session: number; readonly config: DecoderConfig }
  | { readonly kind: 'frame'; readonly session: number; readonly frame: Frame };

const CONTROL = 1;
const CONFIG = 2;
const FRAME = 3;
/** Of media: session, codec, key, decode time, timescale. Presentation is decoding time: WebRTC has no B-frames. */
const MEDIA_HEAD_BYTES = 4 + 1 + 1 + 8 + 4;
const CODECS: readonly Codec[] = ['h264', 'vp8', 'opus'];
/** Above the largest picture. */
const BLOCK_BYTES_MAX = 8 * 1024 * 1024;

export function controlBlock(control: ChildCommand | ChildReport): Buffer {
  return block(CONTROL, [Buffer.from(JSON.stringify(control))]);
}

export function configBlock(session: number, { codec, data }: DecoderConfig): Buffer {
  return block(CONFIG, [mediaHead(session, codec, true, 0, 1), data]);
}

export function frameBlock(session: number, { codec, key, dts, timescale, data }: Frame): Buffer {
  return block(FRAME, [mediaHead(session, codec, key, dts, timescale), data]);
}

function mediaHead(session: number, codec: Codec, key: boolean, dts: number, timescale: number): Buffer {
  const head = Buffer.alloc(MEDIA_HEAD_BYTES);
  head.writeUInt32BE(session, 0);
  head.writeUInt8(CODECS.indexOf(codec), 4);
  head.writeUInt8(key ? 1 : 0, 5);
  head.writeDoubleBE(dts, 6);
  head.writeUInt32BE(timescale, 14);
  return head;
}

function block(kind: number, parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(1 + parts.reduce((bytes, part) => bytes + part.length, 0), 0);
  head.writeUInt8(kind, 4);
  return Buffer.concat([head, ...parts]);
}

/**
 * Takes the pipe's bytes apart. Lifetime: one pipe. Holds at most one block (8 MiB) and what was read with its end.
 *
 * Throws where the bytes are none of ours: the other end has lost its way, and the pipe is of no more use.
 */
export class PipeReader<Control extends ChildCommand | ChildReport> {
  readonly #onMessage: (message: PipeMessage<Control>) => void;
  #held: Buffer[] = [];
  #bytes = 0;

  constructor(onMessage: (message: PipeMessage<Control>) => void) {
    this.#onMessage = onMessage;
  }

  push(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#bytes += bytes.length;
    const head = this.#peek();
    if (head === null || this.#bytes < 4 + head) return;
    const [only, ...others] = this.#held;
    let rest = only !== undefined && others.length === 0 ? only : Buffer.concat(this.#held);
    while (rest.length >= 4) {
      const length = checkedLength(rest.readUInt32BE(0));
      if (rest.length < 4 + length) break;
      this.#onMessage(readBlock<Control>(rest.subarray(4, 4 + length)));
      rest = rest.subarray(4 + length);
    }
    this.#held = rest.length === 0 ? [] : [rest];
    this.#bytes = rest.length;
  }

  /** The length of the block that comes, without joining what is held. */
  #peek(): number | null {
    if (this.#bytes < 4) return null;
    // A length that came in pieces.
    if ((this.#held[0]?.length ?? 0) < 4) this.#held = [Buffer.concat(this.#held)];
    return checkedLength(this.#held[0]?.readUInt32BE(0) ?? 0);
  }
}

function checkedLength(length: number): number {
  if (length < 1 || length > BLOCK_BYTES_MAX) throw new RangeError(`a block of ${length} bytes`);
  return length;
}

function readBlock<Control>(bytes: Buffer): PipeMessage<Control> {
  const kind = bytes.readUInt8(0);
  if (kind === CONTROL) return { kind: 'control', control: JSON.parse(bytes.toString('utf8', 1)) as Control };
  const codec = CODECS[bytes.readUInt8(5)];
  if ((kind !== CONFIG && kind !== FRAME) || codec === undefined) throw new RangeError(`a block of kind ${kind}`);
  const session = bytes.readUInt32BE(1);
  const track = codec === 'opus' ? 'audio' : 'video';
  const data = bytes.subarray(1 + MEDIA_HEAD_BYTES);
  // A config is kept for long, and must not keep the whole chunk with it.
  if (kind === CONFIG) return { kind: 'config', session, config: { track, codec, data: Buffer.from(data) } };
  const dts = bytes.readDoubleBE(7);
  const key = bytes.readUInt8(6) === 1;
  return {
    kind: 'frame',
    session,
    frame: { track, codec, dts, pts: dts, timescale: bytes.readUInt32BE(15), key, data },
  };
}
