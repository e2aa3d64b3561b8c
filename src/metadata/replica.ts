import { createHash } from 'node:crypto';
import { applyEntry } from './apply.js';
import type { LoggedEntry } from './log.js';
import { assertSchemaKnown, createReplicaTables } from './schema.js';
import type { Statements } from './statements.js';
import type { Outcome, Verdict } from './verdict.js';

/**
 * One replica of the catalog: the tables that a log's entries, applied in order, make. Lives in the catalog's thread.
 *
 * Two replicas that applied the same entries at the same positions are equal, which `tablesHash` shows. Each call changes
 * several tables: the caller holds a transaction around it.
 */
export class Replica {
  readonly #sql: Statements;

  /** Fails with `metadata.newer-schema` when a newer build has been at work on the tables. */
  constructor(sql: Statements) {
    this.#sql = sql;
    createReplicaTables(sql);
    assertSchemaKnown(sql);
  }

  /** The last applied entry's; 0 before the first. */
  get position(): number {
    return this.#sql.get<{ position: number }>('SELECT position FROM replica')?.position ?? 0;
  }

  /** What the entry of this id came to, if it has been applied. */
  verdictOf(id: string): Verdict | null {
    const row = this.#sql.get<{ position: number; outcome: string }>(
      'SELECT position, outcome FROM applied WHERE id = ?',
      id,
    );
    return row ? verdictAt(row.position, JSON.parse(row.outcome) as Outcome) : null;
  }

  /** Applies the log's next entry. An id that was applied before keeps its first verdict and changes nothing. */
  apply({ position, entry }: LoggedEntry): Verdict {
    if (position <= this.position) throw new Error(`position ${position} is not after ${this.position}`);
    const before = this.verdictOf(entry.id);
    this.#sql.run('UPDATE replica SET position = ?', position);
    if (before) return before;
    const outcome = applyEntry({ sql: this.#sql, position, at: entry.at }, entry);
    this.#sql.run(
      'INSERT INTO applied (id, position, outcome) VALUES (?, ?, ?)',
      entry.id,
      position,
      JSON.stringify(outcome),
    );
    return verdictAt(position, outcome);
  }

  /** SHA-256 over every row of every table that the log makes, the log itself left out. Reads all: for tests and doctors. */
  tablesHash(): string {
    const hash = createHash('sha256');
    for (const { name } of this.#sql.all<{ name: string }>(REPLICATED_TABLES)) {
      hash.update(`${name}\n`);
      for (const row of this.#sql.iterate(everyRow(this.#sql, name))) hash.update(`${JSON.stringify(row)}\n`);
    }
    return hash.digest('hex');
  }
}

function verdictAt(position: number, outcome: Outcome): Verdict {
  return outcome.applied
    ? { applied: true, position, result: outcome.result }
    : { applied: false, position, reason: outcome.reason, message: outcome.message };
}

const REPLICATED_TABLES = `
  SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'log' AND name NOT LIKE 'sqlite%' ORDER BY name`;

/** In the order of the primary key, which every table has. Names come from the schema, never from outside. */
function everyRow(sql: Statements, table: string): string {
  const key = sql.all<{ name: string }>(`SELECT name FROM pragma_table_info('${table}') WHERE pk > 0 ORDER BY pk`);
  return `SELECT * FROM ${table} ORDER BY ${key.map(({ name }) => name).join(', ')}`;
}
