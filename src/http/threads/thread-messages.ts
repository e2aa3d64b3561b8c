/**
 * What a door's thread and the thread that owns the handler tell each other. Both sides gather what they say in one turn of their loop,
 * and send it as one list.
 *
 * An exchange goes: `asked` → (`pull` → `body` or `body-broken`)* → `answer` → (`write` → `taken`)* → `end` or `abort` → `over`. A client that
 * leaves ends it at any time: `over`, with `gone`.
 */
import type { HttpFailureCode } from '../http-failure.js';
import type { HeaderLines, RequestHead } from '../request-head.js';
import type { HttpRequest } from '../server.js';

export interface AskedMessage extends RequestHead {
  readonly kind: 'asked';
  /** Of the exchange: each thread counts its own. */
  readonly id: number;
  readonly scheme: HttpRequest['scheme'];
  readonly remoteAddress: string;
  readonly hasBody: boolean;
}

export type FromDoor =
  | AskedMessage
  /** The next piece of the request's body; null: there is no more. */
  | { readonly kind: 'body'; readonly id: number; readonly chunk: Uint8Array | null }
  | { readonly kind: 'body-broken'; readonly id: number }
  /** So many bytes of what was written have been handed to the kernel. */
  | { readonly kind: 'taken'; readonly id: number; readonly bytes: number }
  /** Everything was handed over, or, `gone`, will never be. */
  | { readonly kind: 'over'; readonly id: number; readonly gone: boolean }
  /** From the program of the thread, of no exchange. */
  | { readonly kind: 'said'; readonly what: unknown };

export interface AnswerMessage {
  readonly kind: 'answer';
  readonly id: number;
  readonly status: number;
  readonly headers: HeaderLines;
  readonly length: number | undefined;
  /** The first of its bytes; null: none with the head. */
  readonly chunk: Uint8Array | null;
  /** It has no more. */
  readonly isAll: boolean;
}

export type ToDoor =
  | { readonly kind: 'pull'; readonly id: number }
  | AnswerMessage
  | { readonly kind: 'write'; readonly id: number; readonly chunk: Uint8Array }
  | { readonly kind: 'end'; readonly id: number }
  | { readonly kind: 'abort'; readonly id: number }
  /** It is served from now on. */
  | { readonly kind: 'certificate'; readonly pair: DoorCertificate }
  /** For the program of the thread, not for its door. */
  | { readonly kind: 'told'; readonly what: unknown }
  | { readonly kind: 'close'; readonly graceMs: number };

/** From a thread as it begins, alone: where it listens, or why not. After that come lists. */
export type DoorOpening =
  | { readonly opened: true; readonly port: number }
  | { readonly opened: false; readonly reason: string; readonly code?: HttpFailureCode; readonly hint?: string };

/** PEM. */
export interface DoorCertificate {
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
}

/** What a door's thread is started with. */
export interface DoorStart {
  readonly host: string;
  readonly port: number;
  readonly headTimeoutMs: number | undefined;
  readonly idleTimeoutMs: number | undefined;
  readonly headBytesMax: number | undefined;
  readonly logLevel: string;
  /** Null: plain HTTP. */
  readonly certificate: DoorCertificate | null;
  /** For its program. */
  readonly forProgram: unknown;
}
