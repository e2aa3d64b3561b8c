import { AccountQueries } from './account-queries.js';
import type { EmbeddedLog } from './embedded-log.js';
import { JobQueries } from './job-queries.js';
import type { LoggedEntry } from './log.js';
import type { CatalogStats } from './records.js';
import type { Replica } from './replica.js';
import { RestreamQueries } from './restream-queries.js';
import { schemaVersion } from './schema.js';
import type { Statements } from './statements.js';
import { VideoQueries } from './video-queries.js';

/** Everything that may be asked of the catalog by name; `Catalog` (catalog.ts) has a method for each. */
export type CatalogQueries = AccountQueries & RestreamQueries & VideoQueries & JobQueries & LogQueries;
export type QueryName = keyof CatalogQueries;

/** The log and the replica themselves. */
class LogQueries {
  readonly #sql: Statements;
  readonly #log: EmbeddedLog;
  readonly #replica: Replica;

  constructor(sql: Statements, log: EmbeddedLog, replica: Replica) {
    this.#sql = sql;
    this.#log = log;
    this.#replica = replica;
  }

  readLog(after: number, limit: number): LoggedEntry[] {
    return this.#log.read(after, limit);
  }

  tablesHash(): string {
    return this.#replica.tablesHash();
  }

  stats(): CatalogStats {
    return {
      position: this.#replica.position,
      schemaVersion: schemaVersion(this.#sql),
      users: this.#count('SELECT count(*) AS n FROM users'),
      channels: this.#count('SELECT count(*) AS n FROM channels'),
      liveChannels: this.#count('SELECT count(*) AS n FROM channels WHERE live_broadcast_id IS NOT NULL'),
      videos: {
        uploading: 0,
        transcoding: 0,
        ready: 0,
        failed: 0,
        ...this.#countBy('SELECT status, count(*) AS n FROM videos GROUP BY status'),
      },
      jobs: {
        queued: 0,
        processing: 0,
        done: 0,
        failed: 0,
        ...this.#countBy('SELECT status, count(*) AS n FROM transcode_jobs GROUP BY status'),
      },
    };
  }

  #count(text: string): number {
    return this.#sql.get<{ n: number }>(text)?.n ?? 0;
  }

  #countBy(text: string): Record<string, number> {
    return Object.fromEntries(this.#sql.all<{ status: string; n: number }>(text).map(({ status, n }) => [status, n]));
  }
}

/** Answers a query by its name; the arguments are the caller's, as typed by `Catalog`. */
export class Queries {
  readonly #groups: readonly object[];

  constructor(sql: Statements, log: EmbeddedLog, replica: Replica) {
    this.#groups = [
      new AccountQueries(sql),
      new RestreamQueries(sql),
      new VideoQueries(sql),
      new JobQueries(sql),
      new LogQueries(sql, log, replica),
    ];
  }

  ask<K extends QueryName>(name: K, args: Parameters<CatalogQueries[K]>): ReturnType<CatalogQueries[K]> {
    const group = this.#groups.find((candidate) => name in candidate) as CatalogQueries | undefined;
    if (!group) throw new Error(`no query is called ${name}`);
    const query = group[name] as (...values: Parameters<CatalogQueries[K]>) => ReturnType<CatalogQueries[K]>;
    return query.apply(group, args);
  }
}
