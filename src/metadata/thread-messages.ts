import type { FailureFacts } from './failures.js';
import type { LoggedEntry } from './log.js';

/** What the catalog's face and its thread say to each other. Everything is structured-clonable. */
export interface ThreadStart {
  readonly file: string;
}

export type ThreadCommand =
  | { readonly kind: 'append'; readonly call: number; readonly entry: unknown }
  | { readonly kind: 'ask'; readonly call: number; readonly query: string; readonly args: readonly unknown[] }
  | { readonly kind: 'close' };

export type ThreadReport =
  | { readonly kind: 'ready'; readonly position: number }
  | { readonly kind: 'failed'; readonly failure: FailureFacts }
  | { readonly kind: 'answers'; readonly answers: readonly Answer[] }
  /** An entry was accepted and is durable. */
  | { readonly kind: 'applied'; readonly logged: LoggedEntry };

export type Answer =
  | { readonly call: number; readonly value: unknown }
  | { readonly call: number; readonly failure: FailureFacts };
