/**
 * What became of an entry. A failed precondition is an expected outcome, so it is a value: the entry stands in the log
 * either way, and every replica that applies it comes to the same verdict.
 */
export type Verdict<Result = unknown> = Accepted<Result> | Refused;

interface Accepted<Result = unknown> {
  readonly applied: true;
  /** Where the entry stands in the log. */
  readonly position: number;
  /** What the entry type answers with (`EntryResults` in entries.ts); undefined for most. */
  readonly result: Result;
}

interface Refused {
  readonly applied: false;
  readonly reason: RefusalReason;
  /** One sentence for a person. */
  readonly message: string;
  readonly position: number;
}

/**
 * `absent`: what the entry names does not exist (or there is nothing to claim). `exists`: the name or id is taken.
 * `conflict`: it exists but is not in the state that the entry needs. `denied`: the lease token is not the current one.
 */
export type RefusalReason = 'conflict' | 'absent' | 'denied' | 'exists';

/** A verdict before the position is known: what a handler in apply-*.ts returns. */
export type Outcome =
  | { readonly applied: true; readonly result?: unknown }
  | { readonly applied: false; readonly reason: RefusalReason; readonly message: string };

export const accepted = (result?: unknown): Outcome =>
  result === undefined ? { applied: true } : { applied: true, result };

export const refused = (reason: RefusalReason, message: string): Outcome => ({ applied: false, reason, message });
