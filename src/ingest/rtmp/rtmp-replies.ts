import type { GuardedSession } from './guarded-session.js';

const WINDOW_BYTES = 5_000_000;
const LIMIT_DYNAMIC = 2;
/** Each connection has one message stream: it publishes one channel. */
const MESSAGE_STREAM = 1;
const STREAM_BEGIN = 0;

/** What the server says to a client: the answers of Adobe RTMP 1.0 §7.2, in the order that encoders expect. */
export class RtmpReplies {
  readonly #rtmp: GuardedSession;

  constructor(rtmp: GuardedSession) {
    this.#rtmp = rtmp;
  }

  acceptConnect(transaction: number): void {
    this.#rtmp.sendWindowACK(WINDOW_BYTES);
    this.#rtmp.setPeerBandwidth(WINDOW_BYTES, LIMIT_DYNAMIC);
    this.#rtmp.setChunkSize(this.#rtmp.outChunkSize);
    this.#rtmp.respondConnect(transaction);
  }

  rejectConnect(transaction: number, description: string): void {
    const info = { level: 'error', code: 'NetConnection.Connect.Rejected', description };
    this.#rtmp.sendInvokeMessage(0, { cmd: '_error', transId: transaction, cmdObj: null, info });
  }

  createStream(transaction: number): void {
    this.#rtmp.sendInvokeMessage(0, { cmd: '_result', transId: transaction, cmdObj: null, info: MESSAGE_STREAM });
  }

  /** An answer without content, for `releaseStream` and `FCPublish`. */
  acknowledge(transaction: number): void {
    this.#rtmp.sendInvokeMessage(0, { cmd: '_result', transId: transaction, cmdObj: null, info: undefined });
  }

  publishStarted(streamId: number): void {
    this.#rtmp.sendStreamStatus(STREAM_BEGIN, streamId);
    this.#rtmp.sendStatusMessage(streamId, 'status', 'NetStream.Publish.Start', 'The stream is now published.');
  }

  publishEnded(streamId: number): void {
    this.#rtmp.sendStatusMessage(
      streamId,
      'status',
      'NetStream.Unpublish.Success',
      'The stream is no longer published.',
    );
  }

  /** The library counts a text's characters where AMF0 wants its bytes, so only ASCII goes out. */
  error(streamId: number, code: string, description: string): void {
    this.#rtmp.sendStatusMessage(streamId, 'error', code, description.replace(/[^\x20-\x7e]/g, '?'));
  }
}
