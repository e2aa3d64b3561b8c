import type { EntryData, EntryType } from './entries.js';
import type { Statements } from './statements.js';
import type { Outcome } from './verdict.js';

/**
 * One entry being applied. What happens may depend on the tables, the position, the entry's own time and its data, and on
 * nothing else: no clock, no random, no local state, or replicas drift apart.
 */
export interface Step {
  readonly sql: Statements;
  readonly position: number;
  /** The entry's own time, epoch ms. */
  readonly at: number;
}

/** Checks the preconditions first and only then writes, so that a refusal has changed nothing. */
export type Handlers<T extends EntryType = EntryType> = {
  readonly [K in T]: (step: Step, data: EntryData<K>) => Outcome;
};
