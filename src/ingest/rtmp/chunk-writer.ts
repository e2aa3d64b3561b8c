/** A message that the server sends: always at time 0, with a full header. */
export interface OutgoingMessage {
  /** 2 to 63 (RTMP 1.0 §5.3.1.1). */
  readonly chunkStreamId: number;
  readonly type: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** The bytes of a message in chunks of at most `chunkSize` bytes (§5.3.1). */
export function writeChunks({ chunkStreamId, type, streamId, payload }: OutgoingMessage, chunkSize: number): Buffer {
  const head = Buffer.alloc(12);
  head[0] = chunkStreamId;
  head.writeUIntBE(payload.length, 4, 3);
  head[7] = type;
  head.writeUInt32LE(streamId, 8);
  const pieces: Buffer[] = [head, payload.subarray(0, chunkSize)];
  for (let at = chunkSize; at < payload.length; at += chunkSize) {
    pieces.push(Buffer.from([0xc0 | chunkStreamId]), payload.subarray(at, at + chunkSize));
  }
  return Buffer.concat(pieces);
}
