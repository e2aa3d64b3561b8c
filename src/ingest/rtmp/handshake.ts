import { createHmac, randomBytes } from 'node:crypto';

/** C0 and C1, S0 and S1: a version byte and 1536 bytes; C2 and S2: 1536 bytes (RTMP 1.0 §5.2). */
const PART_BYTES = 1536;
const VERSION = 3;
const DIGEST_BYTES = 32;
/** Where the four bytes stand that place a digest: encoders that sign their C1 use the one or the other. */
const SCHEMES = [772, 8] as const;
const SERVER_NAME = 'Genuine Adobe Flash Media Server 001';
const CLIENT_NAME = 'Genuine Adobe Flash Player 001';
const NAME_TAIL = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');
const SERVER_KEY = Buffer.concat([Buffer.from(SERVER_NAME), NAME_TAIL]);
/** A server that signs must give a version other than 0. */
const SERVER_VERSION = [4, 5, 0, 1];

export type HandshakeStep =
  /** More is needed; `answer` is to be sent where there is one. */
  | { readonly kind: 'more'; readonly answer: Buffer | null }
  /** Complete; `rest` are bytes that belong to what follows. */
  | { readonly kind: 'done'; readonly answer: Buffer | null; readonly rest: Buffer }
  | { readonly kind: 'not-rtmp' };

/**
 * The server's side of the handshake: plain (RTMP 1.0 §5.2), or signed where the client signed its part (Flash's later
 * form, which the specification leaves out and encoders still begin with). What a client says in C2 is not looked at:
 * encoders differ, and nothing depends on it.
 *
 * Lifetime: until `done`. Holds at most the two parts of the client.
 */
export class Handshake {
  #held: Buffer = Buffer.alloc(0);
  #answered = false;

  take(bytes: Buffer): HandshakeStep {
    const held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    if (held.length > 0 && held[0] !== VERSION) return { kind: 'not-rtmp' };
    const answer = this.#answerTo(held);
    const end = 1 + 2 * PART_BYTES;
    if (held.length >= end) return { kind: 'done', answer, rest: held.subarray(end) };
    this.#held = held;
    return { kind: 'more', answer };
  }

  #answerTo(held: Buffer): Buffer | null {
    if (this.#answered || held.length < 1 + PART_BYTES) return null;
    this.#answered = true;
    const theirs = held.subarray(1, 1 + PART_BYTES);
    const signature = findSignature(theirs);
    const parts = signature === null ? [plainPart(), theirs] : [signedPart(signature.scheme), echoOf(signature.digest)];
    return Buffer.concat([Buffer.from([VERSION]), ...parts]);
  }
}

function findSignature(part: Buffer): { scheme: number; digest: Buffer } | null {
  for (const scheme of SCHEMES) {
    const at = digestOffset(part, scheme);
    const digest = part.subarray(at, at + DIGEST_BYTES);
    if (digestOf(part, at, CLIENT_NAME).equals(digest)) return { scheme, digest };
  }
  return null;
}

/** The four bytes add up to the place behind them, and wrap so that the digest stays in its half. */
function digestOffset(part: Buffer, scheme: number): number {
  const sum = part.subarray(scheme, scheme + 4).reduce((total, byte) => total + byte, 0);
  return scheme + 4 + (sum % 728);
}

function digestOf(part: Buffer, at: number, key: string): Buffer {
  return createHmac('sha256', key)
    .update(part.subarray(0, at))
    .update(part.subarray(at + DIGEST_BYTES))
    .digest();
}

/** Time and version 0, then random bytes (§5.2.3). */
function plainPart(): Buffer {
  return Buffer.concat([Buffer.alloc(8), randomBytes(PART_BYTES - 8)]);
}

function signedPart(scheme: number): Buffer {
  const part = Buffer.concat([Buffer.alloc(4), Buffer.from(SERVER_VERSION), randomBytes(PART_BYTES - 8)]);
  const at = digestOffset(part, scheme);
  digestOf(part, at, SERVER_NAME).copy(part, at);
  return part;
}

/** Shows that their digest was read: random bytes, signed with a key that is made of it. */
function echoOf(digest: Buffer): Buffer {
  const random = randomBytes(PART_BYTES - DIGEST_BYTES);
  const key = createHmac('sha256', SERVER_KEY).update(digest).digest();
  return Buffer.concat([random, createHmac('sha256', key).update(random).digest()]);
}
