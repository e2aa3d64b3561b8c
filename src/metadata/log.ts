import type { Entry } from './entries.js';

/**
 * The ordered log: the one truth that every replica of the catalog is made from. Positions rise, but need not be
 * consecutive. An embedded log answers at once, one across boxes later; callers await either.
 */
export interface OrderedLog {
  /**
   * Adds the entry and says where it stands. An entry whose id is already in the log is not added again: its first
   * position is the answer.
   */
  append(entry: Entry): number | Promise<number>;
  /**
   * Entries after a position, in order, at most `limit` (1 to 1000). Fails with `metadata.unknown-entry` at an entry that
   * this build does not know.
   */
  read(after: number, limit: number): readonly LoggedEntry[] | Promise<readonly LoggedEntry[]>;
  /** Calls the listener with every entry after a position, in order, now and as they come; returns the way to stop it. */
  follow(after: number, listener: (logged: LoggedEntry) => void): () => void;
}

export interface LoggedEntry {
  readonly position: number;
  readonly entry: Entry;
}
