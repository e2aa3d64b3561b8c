import type { GateTerms } from '../gates/gates.js';
import type { Judge } from '../gates/network-rules.js';
import type { LoanMessage } from './loan-messages.js';

/** What a door's thread is given at its start. */
export interface DoorThreadStart {
  /** The table of loans, and how many places it has. */
  readonly loans: SharedArrayBuffer;
  readonly places: number;
  /** Of this thread alone. */
  readonly counts: SharedArrayBuffer;
  /** Which rules its addresses follow. */
  readonly addresses: 'box' | 'any';
  readonly gates: GateTerms;
  /** How much of the access log is on its way, from all threads. */
  readonly linesWaiting: SharedArrayBuffer;
  /** Epoch ms, one double, as tests set it; null: the system's clock. */
  readonly clock: SharedArrayBuffer | null;
}

/** What it is told later. What it says itself is lines of the access log. */
export type DoorThreadTold =
  | LoanMessage
  /** The rules for networks have changed. */
  | { readonly kind: 'judges'; readonly judges: readonly Judge[] };
