import { accountHandlers } from './apply-accounts.js';
import { broadcastHandlers } from './apply-broadcasts.js';
import { heartbeatHandlers } from './apply-heartbeats.js';
import { jobHandlers } from './apply-jobs.js';
import { restreamHandlers } from './apply-restreams.js';
import { videoHandlers } from './apply-videos.js';
import type { Entry, EntryType } from './entries.js';
import { schemaHandlers, schemaVersion } from './schema.js';
import type { Handlers, Step } from './step.js';
import { type Outcome, refused } from './verdict.js';

const HANDLERS: Handlers = {
  ...schemaHandlers,
  ...accountHandlers,
  ...restreamHandlers,
  ...broadcastHandlers,
  ...videoHandlers,
  ...jobHandlers,
  ...heartbeatHandlers,
};

/** The schema that brought the columns an entry writes, where it is not the first. */
const SCHEMA_NEEDED: Partial<Record<EntryType, number>> = {
  'channel.configured': 2,
  'broadcast.archived': 3,
  'channel.restream-added': 4,
  'channel.restream-removed': 4,
};

/** Changes the tables as one entry says, or refuses and leaves them as they were. Deterministic (step.ts). */
export function applyEntry(step: Step, entry: Entry): Outcome {
  const needed = entry.type === 'schema.migrated' ? 0 : (SCHEMA_NEEDED[entry.type] ?? 1);
  if (schemaVersion(step.sql) < needed) return refused('conflict', `the catalog is not at schema ${needed} yet`);
  const handle = HANDLERS[entry.type] as (step: Step, data: Entry['data']) => Outcome;
  return handle(step, entry.data);
}
