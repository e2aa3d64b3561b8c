import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkReader } from './chunk-reader.js';
import { amf, messageBytes } from './rtmp-client.fixture.js';
import { DEFAULT_RTMP_LIMITS } from './rtmp-limits.js';
import type { RtmpMessage } from './rtmp-message.js';
import { RtmpSession } from './rtmp-session.js';

const limits = { ...DEFAULT_RTMP_LIMITS, messageBytesMax: 100_000, commandBytesMax: 10_000, partialBytesMax: 200_000 };

function handshaken(): { session: RtmpSession; sent: Buffer[] } {
  const sent: Buffer[] = [];
  const session = new RtmpSession(limits, (bytes) => sent.push(bytes));
  session.push(Buffer.concat([Buffer.from([3]), Buffer.alloc(1536 * 2)]));
  session.mediaAllowed = true;
  return { session, sent };
}

function parse(session: RtmpSession, bytes: Buffer): { messages: RtmpMessage[]; reason: string | null } {
  const messages: RtmpMessage[] = [];
  session.push(bytes);
  for (;;) {
    const message = session.next();
    if (message === null) return { messages, reason: null };
    if (message.kind === 'fault') return { messages, reason: message.reason };
    messages.push(message);
  }
}

function parseAll(bytes: Buffer, pieces: readonly number[]): { messages: RtmpMessage[]; reason: string | null } {
  const { session } = handshaken();
  const messages: RtmpMessage[] = [];
  let at = 0;
  for (const piece of [...pieces, bytes.length]) {
    const result = parse(session, bytes.subarray(at, at + piece));
    messages.push(...result.messages);
    if (result.reason !== null) return { messages, reason: result.reason };
    at += piece;
  }
  return { messages, reason: null };
}

describe('messages', () => {
  it('come out whole however the bytes are cut', () => {
    const bytes = Buffer.concat([
      messageBytes(20, amf('connect', 1, { app: 'live' })),
      messageBytes(9, Buffer.alloc(5000, 1), { clock: 40, cid: 6, streamId: 1 }),
      messageBytes(8, Buffer.alloc(300, 2), { clock: 0x1000000, cid: 4, streamId: 1 }),
    ]);
    const whole = parseAll(bytes, []);
    expect(whole.messages.map((message) => [message.kind, message.clock, message.payload.length])).toEqual([
      ['command', 0, bytes.readUIntBE(4, 3)],
      ['video', 40, 5000],
      ['audio', 0x1000000, 300],
    ]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 40 }), (pieces) => {
        expect(parseAll(bytes, pieces)).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });

  it('have memory of their own', () => {
    const { session } = handshaken();
    const [first] = parse(session, messageBytes(8, Buffer.alloc(200, 1), { cid: 4 })).messages;
    parse(session, messageBytes(8, Buffer.alloc(200, 2), { cid: 4 }));
    expect(first?.payload).toEqual(Buffer.alloc(200, 1));
  });

  it('keep a clock of 32 bits when deltas go beyond it', () => {
    const { session } = handshaken();
    parse(session, messageBytes(8, Buffer.from([1]), { clock: 2 ** 32 - 10, cid: 4 }));
    const delta = Buffer.from([0x44, 0, 0, 30, 0, 0, 1, 8, 7]);
    expect(parse(session, delta).messages).toMatchObject([{ clock: 20 }]);
  });

  it('of two chunk streams with long ids are told apart', () => {
    const { session } = handshaken();
    const long = (low: number, high: number, fill: number) => {
      const short = messageBytes(8, Buffer.alloc(4, fill), { cid: 1 });
      return Buffer.concat([Buffer.from([1, low, high]), short.subarray(1)]);
    };
    parse(session, long(1, 0, 1).subarray(0, -2));
    const { messages, reason } = parse(session, Buffer.concat([long(1, 0, 1).subarray(-2), long(0, 1, 2)]));
    expect([messages.map(({ payload }) => payload[0]), reason]).toEqual([[1, 2], null]);
  });

  it('of two chunk streams may take turns, and the chunk size may change meanwhile', () => {
    const picture = messageBytes(9, Buffer.alloc(300, 1), { cid: 6 });
    const sound = messageBytes(8, Buffer.alloc(150, 2), { cid: 4 });
    const larger = messageBytes(1, Buffer.from([0, 0, 1, 0]), { cid: 2 });
    const rest = Buffer.concat([Buffer.from([0xc6]), Buffer.alloc(172, 1)]);
    const bytes = Buffer.concat([picture.subarray(0, 140), sound.subarray(0, 140), larger, sound.subarray(140), rest]);
    const { messages, reason } = parseAll(bytes, [200]);
    expect(reason).toBeNull();
    expect(messages.map(({ payload }) => [payload[0], new Set(payload).size, payload.length])).toEqual([
      [2, 1, 150],
      [1, 1, 300],
    ]);
  });

  it('after a fault never come again', () => {
    const { session } = handshaken();
    const bad = messageBytes(1, Buffer.from([0, 0, 0, 0]), { cid: 2 });
    expect(parse(session, bad).reason).toBe('chunk-size');
    expect(parse(session, messageBytes(8, Buffer.from([1]), { cid: 4 }))).toEqual({
      messages: [],
      reason: 'chunk-size',
    });
  });

  it('that are aborted give their memory back', () => {
    const { session } = handshaken();
    const begun = messageBytes(9, Buffer.alloc(90_000), { cid: 6 }).subarray(0, 140);
    const abort = messageBytes(2, Buffer.from([0, 0, 0, 6]), { cid: 2 });
    for (let round = 0; round < 10; round++) expect(parse(session, Buffer.concat([begun, abort])).reason).toBeNull();
  });
});

describe('answers of its own', () => {
  it('a ping is answered, and received bytes are acknowledged', () => {
    const { session, sent } = handshaken();
    sent.length = 0;
    parse(session, messageBytes(4, Buffer.from([0, 6, 1, 2, 3, 4]), { cid: 2 }));
    expect(sent[0]?.subarray(12)).toEqual(Buffer.from([0, 7, 1, 2, 3, 4]));
    parse(session, messageBytes(5, Buffer.from([0, 0, 0, 1]), { cid: 2 }));
    parse(session, messageBytes(9, Buffer.alloc(90_000), { cid: 6 }));
    expect(sent.length).toBe(2);
  });
});

it('random bytes never throw, and hold no more than the bound', () => {
  const header = fc
    .tuple(
      fc.integer({ min: 0, max: 255 }),
      fc.uint8Array({ minLength: 11, maxLength: 11 }),
      fc.uint8Array({ maxLength: 200 }),
    )
    .map(([first, head, body]) => Buffer.concat([Buffer.from([first]), head, body]));
  const known = fc
    .tuple(
      fc.constantFrom(1, 2, 4, 5, 8, 9, 15, 17, 18, 20),
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 2, max: 9 }),
    )
    .map(([type, payload, cid]) => messageBytes(type, Buffer.from(payload), { cid }));
  const anything = fc.oneof(
    known,
    header,
    fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 12 }), fc.boolean(), (pieces, mediaAllowed) => {
      const reader = new ChunkReader(limits);
      reader.mediaAllowed = mediaAllowed;
      for (const piece of pieces) {
        reader.push(piece);
        let message = reader.next();
        while (message !== null && message.kind !== 'fault') message = reader.next();
        expect(reader.heldBytes).toBeLessThanOrEqual(limits.partialBytesMax);
        expect(reader.streamCount).toBeLessThanOrEqual(limits.chunkStreamsMax);
        if (message !== null) return;
      }
    }),
    { numRuns: 1000 },
  );
});
