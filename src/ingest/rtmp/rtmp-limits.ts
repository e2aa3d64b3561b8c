/** What one RTMP client may cost. Every bound has a default that real encoders stay far below. */
export interface RtmpLimits {
  readonly connectionsMax: number;
  /** From the connection to the end of its handshake; with TLS, for each of the two handshakes. */
  readonly handshakeMs: number;
  /** From the handshake (at most `handshakeMs` more) to a publish that was accepted, and again after each publish that ended. */
  readonly publishDeadlineMs: number;
  /** A publisher that sends no media for this long is cut. Time that we made it wait doesn't count. */
  readonly idleMs: number;
  /** One RTMP message while publishing: the largest keyframe. */
  readonly messageBytesMax: number;
  /** One command or metadata message, and any message before publishing. */
  readonly commandBytesMax: number;
  /** Messages begun and not complete, over all chunk streams. */
  readonly partialBytesMax: number;
  readonly chunkStreamsMax: number;
  /** Bytes that the client has not taken from us. */
  readonly outboundBytesMax: number;
  /** How long a publisher's socket rests after a read; what it holds back in time, several messages a read save in CPU. 0: never. */
  readonly readRestMs: number;
  /** How long a refused client may take to read why. */
  readonly lingerMs: number;
}

export const DEFAULT_RTMP_LIMITS: RtmpLimits = {
  connectionsMax: 256,
  handshakeMs: 10_000,
  publishDeadlineMs: 15_000,
  idleMs: 15_000,
  messageBytesMax: 4 * 1024 * 1024,
  commandBytesMax: 64 * 1024,
  partialBytesMax: 8 * 1024 * 1024,
  chunkStreamsMax: 32,
  outboundBytesMax: 256 * 1024,
  readRestMs: 50,
  lingerMs: 1000,
};
