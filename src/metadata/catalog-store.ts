import { EmbeddedLog } from './embedded-log.js';
import type { Database } from './embedded-log-file.js';
import { type Entry, readEntry } from './entries.js';
import { type FailureFacts, failureFacts, sqliteFailure } from './failures.js';
import type { LoggedEntry } from './log.js';
import { newEntry } from './new-entry.js';
import { type CatalogQueries, Queries, type QueryName } from './queries.js';
import { Replica } from './replica.js';
import { SCHEMA_VERSION, schemaVersion } from './schema.js';
import { Statements } from './statements.js';
import type { Verdict } from './verdict.js';

/** What one entry of a batch came to. */
export type Commit = { readonly verdict: Verdict } | { readonly failure: FailureFacts };

/**
 * The embedded catalog: one SQLite file with its log, its replica and its queries, all synchronous. Made at the start of
 * the catalog's thread and closed at its end.
 */
export class CatalogStore {
  readonly #database: Database;
  readonly #sql: Statements;
  readonly #log: EmbeddedLog;
  readonly #replica: Replica;
  readonly #queries: Queries;
  readonly #commitOne: (entry: Entry) => Verdict;
  readonly #commitAll: (entries: readonly unknown[]) => Commit[];

  /**
   * Takes the database over. Applies what the log holds beyond the replica, then proposes the schema's next versions. Fails
   * with `metadata.unknown-entry` or `metadata.newer-schema` where a newer build wrote what this one does not know.
   */
  constructor(database: Database) {
    this.#database = database;
    this.#sql = new Statements(database);
    this.#log = new EmbeddedLog(this.#sql);
    this.#replica = new Replica(this.#sql);
    this.#queries = new Queries(this.#sql, this.#log, this.#replica);
    this.#commitOne = database.transaction((entry: Entry) => this.#appendAndApply(entry));
    this.#commitAll = database.transaction((entries: readonly unknown[]) =>
      entries.map((entry) => this.#attempt(entry)),
    );
    this.#catchUp();
    this.#migrate();
  }

  get position(): number {
    return this.#replica.position;
  }

  /**
   * Appends and applies entries in one transaction, each in a savepoint of its own, so that one that fails takes no other
   * with it. All are on the disk when this returns. Throws when the transaction as a whole fails: then none happened.
   */
  commit(entries: readonly unknown[]): Commit[] {
    return this.#commitAll(entries);
  }

  ask<K extends QueryName>(name: K, args: Parameters<CatalogQueries[K]>): ReturnType<CatalogQueries[K]> {
    return this.#queries.ask(name, args);
  }

  /** Tells those who listen of what has been committed since the last time. */
  announce(): void {
    this.#log.announce();
  }

  /** Calls the listener with each entry that is accepted from now on, once it is durable and announced. */
  onApplied(listener: (logged: LoggedEntry) => void): void {
    this.#log.follow(this.position, (logged) => {
      const verdict = this.#replica.verdictOf(logged.entry.id);
      // An id appended twice stands in the log once, so a followed entry's verdict is its own.
      if (verdict?.applied) listener(logged);
    });
  }

  close(): void {
    this.#database.close();
  }

  #attempt(proposed: unknown): Commit {
    try {
      return { verdict: this.#commitOne(readEntry(proposed, 'the proposed entry')) };
    } catch (error) {
      // SQLite gave up the whole transaction (a full disk, an I/O error): there is no batch left to go on with.
      if (!this.#database.inTransaction) throw error;
      return { failure: failureFacts(sqliteFailure(error, 'the entry could not be applied', 'metadata.write-failed')) };
    }
  }

  #appendAndApply(entry: Entry): Verdict {
    const known = this.#replica.verdictOf(entry.id);
    return known ?? this.#replica.apply({ position: this.#log.append(entry), entry });
  }

  /** The log and the replica change in one transaction, so there is nothing to do unless the file was made otherwise. */
  #catchUp(): void {
    const applyPage = this.#database.transaction((page: readonly LoggedEntry[]) => {
      for (const logged of page) this.#replica.apply(logged);
    });
    let page = this.#log.read(this.position, CATCH_UP_PAGE);
    while (page.length > 0) {
      applyPage(page);
      page = this.#log.read(this.position, CATCH_UP_PAGE);
    }
  }

  /** This replica is the only one, so once it knows a version, every replica does. The id makes the proposal count once. */
  #migrate(): void {
    for (let version = schemaVersion(this.#sql) + 1; version <= SCHEMA_VERSION; version += 1) {
      this.#commitOne(newEntry('schema.migrated', { version }, { id: `schema-${version}` }));
    }
  }
}

const CATCH_UP_PAGE = 500;
