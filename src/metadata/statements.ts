import type { Database, Statement } from './embedded-log-file.js';

/**
 * Prepared statements by their text, each prepared once, on first use (its table may not exist before an entry made it).
 * Texts are constants of the code, so that the number of them is bounded; values only ever travel as parameters.
 */
export class Statements {
  readonly #database: Database;
  readonly #prepared = new Map<string, Statement>();

  constructor(database: Database) {
    this.#database = database;
  }

  get<Row>(text: string, ...values: unknown[]): Row | undefined {
    return this.#prepare(text).get(...values) as Row | undefined;
  }

  all<Row>(text: string, ...values: unknown[]): Row[] {
    return this.#prepare(text).all(...values) as Row[];
  }

  iterate<Row>(text: string, ...values: unknown[]): IterableIterator<Row> {
    return this.#prepare(text).iterate(...values) as IterableIterator<Row>;
  }

  /** Returns how many rows changed. */
  run(text: string, ...values: unknown[]): number {
    return this.#prepare(text).run(...values).changes;
  }

  /** Several statements without parameters. */
  script(text: string): void {
    this.#database.exec(text);
  }

  #prepare(text: string): Statement {
    const known = this.#prepared.get(text);
    if (known) return known;
    const made = this.#database.prepare<unknown[]>(text);
    this.#prepared.set(text, made);
    return made;
  }
}

/** The longest page that any query answers with. */
const PAGE_SIZE_MAX = 1_000;

export const pageSize = (limit: number): number => Math.min(Math.max(1, Math.floor(limit)), PAGE_SIZE_MAX);
