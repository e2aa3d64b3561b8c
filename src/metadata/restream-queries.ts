import { RESTREAMS_MAX } from '../media/restream-address.js';
import type { Restream } from './records.js';
import type { Statements } from './statements.js';

/** Where channels are sent on to. */
export class RestreamQueries {
  readonly #sql: Statements;

  constructor(sql: Statements) {
    this.#sql = sql;
  }

  /** A channel's targets, in the order of their names. */
  restreams(channel: string): Restream[] {
    return this.#sql.all<Restream>(
      `SELECT channel, name, url, created_at AS createdAt FROM restreams WHERE channel = ? ORDER BY name LIMIT ?`,
      channel,
      RESTREAMS_MAX,
    );
  }
}
