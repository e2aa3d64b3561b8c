import { Failure } from '../telemetry/failure.js';
import { type Entry, readEntry } from './entries.js';
import type { LoggedEntry, OrderedLog } from './log.js';
import { pageSize, type Statements } from './statements.js';

/**
 * The ordered log of a box of its own: a table in the catalog's SQLite file, so that an entry and what it changes become
 * durable in one transaction. Lives in the catalog's thread, from its start to its end.
 *
 * Appends happen inside a transaction that the caller holds; followers hear of them once it says `announce()`, after the
 * commit, and so never of an entry that was rolled back.
 */
export class EmbeddedLog implements OrderedLog {
  readonly #sql: Statements;
  readonly #followers = new Set<Follower>();

  constructor(sql: Statements) {
    this.#sql = sql;
    sql.script(
      'CREATE TABLE IF NOT EXISTS log (position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, entry TEXT NOT NULL)',
    );
  }

  append(entry: Entry): number {
    const known = this.#sql.get<{ position: number }>('SELECT position FROM log WHERE id = ?', entry.id);
    if (known) return known.position;
    const text = JSON.stringify(entry);
    if (text.length > ENTRY_CHARACTERS_MAX) throw tooLong(entry, text.length);
    const made = this.#sql.get<{ position: number }>(
      'INSERT INTO log (id, entry) VALUES (?, ?) RETURNING position',
      entry.id,
      text,
    );
    if (!made) throw new Error('an INSERT with RETURNING returned no row');
    return made.position;
  }

  read(after: number, limit: number): LoggedEntry[] {
    const rows = this.#sql.all<{ position: number; entry: string }>(
      'SELECT position, entry FROM log WHERE position > ? ORDER BY position LIMIT ?',
      after,
      pageSize(limit),
    );
    return rows.map(({ position, entry }) => ({
      position,
      entry: readEntry(JSON.parse(entry), `the log’s entry at position ${position}`),
    }));
  }

  follow(after: number, listener: (logged: LoggedEntry) => void): () => void {
    const follower: Follower = { after, listener };
    this.#followers.add(follower);
    this.#deliver(follower);
    return () => this.#followers.delete(follower);
  }

  /** What was appended is committed: followers may know. */
  announce(): void {
    for (const follower of this.#followers) this.#deliver(follower);
  }

  /** In pages, so that a follower far behind does not bring the whole log into memory at once. */
  #deliver(follower: Follower): void {
    for (let page = this.read(follower.after, 100); page.length > 0; page = this.read(follower.after, 100)) {
      for (const logged of page) {
        if (!this.#followers.has(follower)) return;
        follower.after = logged.position;
        follower.listener(logged);
      }
    }
  }
}

/** A packaged rendition of two days at two seconds a segment is about 6 million characters. */
const ENTRY_CHARACTERS_MAX = 16 * 1024 * 1024;

const tooLong = (entry: Entry, characters: number): Failure<'metadata.bad-entry'> =>
  new Failure(
    'metadata.bad-entry',
    `the ${entry.type} entry has ${characters} characters, over ${ENTRY_CHARACTERS_MAX}`,
    {
      hint: 'Split what it says over several entries.',
    },
  );

interface Follower {
  after: number;
  readonly listener: (logged: LoggedEntry) => void;
}
