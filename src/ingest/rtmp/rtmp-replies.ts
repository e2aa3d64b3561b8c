import { type AmfAnswer, writeAmf0 } from './amf0-writer.js';
import { CAPABILITIES } from './enhanced-capabilities.js';
import { MESSAGE_TYPE } from './rtmp-message.js';
import { type RtmpSession, word } from './rtmp-session.js';

const WINDOW_BYTES = 5_000_000;
const LIMIT_DYNAMIC = 2;
/** Encoders that follow the server's chunk size send each picture as one chunk. */
const CHUNK_BYTES = 65_535;
const COMMAND_CHUNK_STREAM = 3;
/** Each connection has one message stream: it publishes one channel. */
const MESSAGE_STREAM = 1;
const STREAM_BEGIN = 0;

/** What the server says to a client: the answers of Adobe RTMP 1.0 §7.2, in the order that encoders expect. */
export class RtmpReplies {
  readonly #rtmp: RtmpSession;

  constructor(rtmp: RtmpSession) {
    this.#rtmp = rtmp;
  }

  /** `enhanced`: the client spoke of codecs by FourCC, and is told which ones are taken. */
  acceptConnect(transaction: number, enhanced: boolean): void {
    const window = word(WINDOW_BYTES);
    this.#rtmp.sendControl(MESSAGE_TYPE.windowAckSize, window);
    this.#rtmp.sendControl(MESSAGE_TYPE.peerBandwidth, Buffer.concat([window, Buffer.from([LIMIT_DYNAMIC])]));
    this.#rtmp.announceChunkSize(CHUNK_BYTES);
    const server = { fmsVer: 'FMS/3,0,1,123', capabilities: 31, ...(enhanced ? CAPABILITIES : {}) };
    const description = 'Connection succeeded.';
    const status = { level: 'status', code: 'NetConnection.Connect.Success', description, objectEncoding: 0 };
    this.#command(0, '_result', transaction, server, status);
  }

  rejectConnect(transaction: number, description: string): void {
    const status = { level: 'error', code: 'NetConnection.Connect.Rejected', description };
    this.#command(0, '_error', transaction, null, status);
  }

  createStream(transaction: number): void {
    this.#command(0, '_result', transaction, null, MESSAGE_STREAM);
  }

  /** An answer without content, for `releaseStream` and `FCPublish`. */
  acknowledge(transaction: number): void {
    this.#command(0, '_result', transaction, null, undefined);
  }

  publishStarted(streamId: number): void {
    const begin = Buffer.concat([Buffer.from([0, STREAM_BEGIN]), word(streamId)]);
    this.#rtmp.sendControl(MESSAGE_TYPE.userControl, begin);
    this.#status(streamId, 'status', 'NetStream.Publish.Start', 'The stream is now published.');
  }

  publishEnded(streamId: number): void {
    this.#status(streamId, 'status', 'NetStream.Unpublish.Success', 'The stream is no longer published.');
  }

  error(streamId: number, code: string, description: string): void {
    this.#status(streamId, 'error', code, description);
  }

  #status(streamId: number, level: string, code: string, description: string): void {
    this.#command(streamId, 'onStatus', 0, null, { level, code, description });
  }

  #command(streamId: number, ...values: readonly AmfAnswer[]): void {
    this.#rtmp.send(COMMAND_CHUNK_STREAM, MESSAGE_TYPE.amf0Command, streamId, writeAmf0(values));
  }
}
