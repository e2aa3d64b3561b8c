import { Failure } from '../telemetry/failure.js';
import type { EntryData } from './entries.js';
import type { Statements } from './statements.js';
import type { Step } from './step.js';
import { accepted, type Outcome, refused } from './verdict.js';

/**
 * The shape of the catalog's tables. It changes by `schema.migrated` entries alone, so that all replicas change at the same
 * position of the log; opening a catalog only proposes them. A version that has shipped is never edited: add the next one.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE users (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, role TEXT NOT NULL, created_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE channels (
    name TEXT PRIMARY KEY, owner_id TEXT NOT NULL, stream_key TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0, live_broadcast_id TEXT, live_started_at INTEGER
  ) STRICT;
  CREATE INDEX channels_live ON channels (live_started_at DESC) WHERE live_broadcast_id IS NOT NULL;

  CREATE TABLE broadcasts (
    id TEXT PRIMARY KEY, channel TEXT NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER
  ) STRICT;
  CREATE INDEX broadcasts_open ON broadcasts (channel) WHERE ended_at IS NULL;

  CREATE TABLE videos (
    id TEXT PRIMARY KEY, uploader_id TEXT NOT NULL, title TEXT NOT NULL, description TEXT NOT NULL, duration REAL,
    status TEXT NOT NULL CHECK (status IN ('uploading', 'transcoding', 'ready', 'failed')),
    abr_manifest_url TEXT, thumbnail_url TEXT, view_count INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0, size_bytes INTEGER NOT NULL, raw_key TEXT, source TEXT, failure_reason TEXT,
    poster_key TEXT
  ) STRICT;
  CREATE INDEX videos_uploader_status ON videos (uploader_id, status, created_at DESC, id DESC);
  CREATE INDEX videos_uploader ON videos (uploader_id, created_at DESC, id DESC);
  CREATE INDEX videos_status ON videos (status, created_at DESC, id DESC);
  CREATE INDEX videos_created ON videos (created_at DESC, id DESC);
  CREATE INDEX videos_unplanned ON videos (created_at, id) WHERE status = 'transcoding' AND source IS NULL;

  CREATE TABLE transcode_jobs (
    job_id TEXT PRIMARY KEY, video_id TEXT NOT NULL, resolution TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('queued', 'processing', 'done', 'failed')),
    worker_id TEXT, created_at INTEGER NOT NULL, token INTEGER, renewal INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0, weight INTEGER NOT NULL, planned_position INTEGER NOT NULL,
    rendition TEXT NOT NULL, output TEXT, reason TEXT
  ) STRICT;
  CREATE INDEX transcode_jobs_video ON transcode_jobs (video_id, weight, job_id);
  CREATE INDEX transcode_jobs_queue ON transcode_jobs (planned_position, weight, job_id) WHERE status = 'queued';
  CREATE INDEX transcode_jobs_leases ON transcode_jobs (job_id) WHERE status = 'processing';

  CREATE TABLE watch_history (
    user_id TEXT NOT NULL, video_id TEXT NOT NULL, timestamp INTEGER NOT NULL, progress_sec REAL NOT NULL,
    PRIMARY KEY (user_id, video_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX watch_history_recent ON watch_history (user_id, timestamp DESC);
  CREATE INDEX watch_history_video ON watch_history (video_id);

  CREATE TABLE engagement (
    video_id TEXT PRIMARY KEY, likes INTEGER NOT NULL DEFAULT 0, comments_count INTEGER NOT NULL DEFAULT 0,
    shares INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  `,
  // What a channel's owner has set for it; NULL: as the box's configuration says.
  `
  ALTER TABLE channels ADD COLUMN preset TEXT;
  ALTER TABLE channels ADD COLUMN grace_sec INTEGER;
  ALTER TABLE channels ADD COLUMN on_loss TEXT CHECK (on_loss IN ('slate', 'hold'));
  ALTER TABLE channels ADD COLUMN srt_passphrase TEXT;
  CREATE INDEX channels_passphrases ON channels (name) WHERE srt_passphrase IS NOT NULL;
  `,
  // Broadcasts that became videos, and whether a channel's are kept.
  `
  ALTER TABLE channels ADD COLUMN dvr_sec INTEGER;
  ALTER TABLE channels ADD COLUMN archive INTEGER CHECK (archive IN (0, 1));
  ALTER TABLE videos ADD COLUMN broadcast_id TEXT;
  ALTER TABLE videos ADD COLUMN archive_key TEXT;
  ALTER TABLE videos ADD COLUMN incomplete INTEGER NOT NULL DEFAULT 0 CHECK (incomplete IN (0, 1));
  CREATE UNIQUE INDEX videos_broadcast ON videos (broadcast_id) WHERE broadcast_id IS NOT NULL;
  `,
  // Where channels are sent on to. A channel takes its targets with it.
  `
  CREATE TABLE restreams (
    channel TEXT NOT NULL, name TEXT NOT NULL, url TEXT NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY (channel, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER restreams_of_deleted AFTER DELETE ON channels BEGIN
    DELETE FROM restreams WHERE channel = OLD.name;
  END;
  `,
  // What is watched most, for who fetches it ahead.
  `
  CREATE INDEX videos_popular ON videos (view_count DESC, id DESC) WHERE status = 'ready' AND view_count > 0;
  `,
];

/** The schema that this build's code reads and writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** What a replica knows of itself, before any entry: how far it has applied, and each applied entry's outcome by its id. */
export function createReplicaTables(sql: Statements): void {
  sql.script(`
    CREATE TABLE IF NOT EXISTS replica (
      one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL, schema_version INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS applied (
      id TEXT PRIMARY KEY, position INTEGER NOT NULL, outcome TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT OR IGNORE INTO replica (one, position, schema_version) VALUES (1, 0, 0);
  `);
}

export function schemaVersion(sql: Statements): number {
  return sql.get<{ version: number }>('SELECT schema_version AS version FROM replica')?.version ?? 0;
}

export const schemaHandlers = {
  'schema.migrated': ({ sql }: Step, { version }: EntryData<'schema.migrated'>): Outcome => {
    const current = schemaVersion(sql);
    if (version <= current) return refused('conflict', `the schema is at version ${current} already`);
    if (version > current + 1)
      return refused('conflict', `the schema is at version ${current}; ${current + 1} comes next`);
    const migration = MIGRATIONS[version - 1];
    if (migration === undefined) throw newerSchema(version);
    sql.script(migration);
    sql.run('UPDATE replica SET schema_version = ?', version);
    return accepted();
  },
};

/** Fails where a newer build has already moved the tables past what this one knows. */
export function assertSchemaKnown(sql: Statements): void {
  const version = schemaVersion(sql);
  if (version > SCHEMA_VERSION) throw newerSchema(version);
}

const newerSchema = (version: number): Failure<'metadata.newer-schema'> =>
  new Failure(
    'metadata.newer-schema',
    `the catalog is at schema ${version}; this build knows up to ${SCHEMA_VERSION}`,
    {
      hint: 'A newer Headwater ran on this data folder. Run that version, or restore a backup from before it.',
    },
  );
