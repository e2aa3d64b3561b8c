import type { Writable } from 'node:stream';
import type { SenderOrder } from './sender-order.js';

/** A process that sends a feed to a target; whoever may start processes gives one. */
export interface Sender {
  /** What it reads. Its end makes it say goodbye to the target and end. Null: it could not be started, which `done` tells. */
  readonly input: Writable | null;
  /** Ends it at once. */
  kill(): void;
  /** Never rejects. */
  readonly done: Promise<SenderEnd>;
}

export interface SenderEnd {
  /** What it wrote to stderr last. */
  readonly stderr: string;
  /** One line. */
  readonly summary: string;
}

/** `onSending`: the target has taken media. May be called often. */
export type StartSender = (order: SenderOrder, onSending: () => void) => Sender;
