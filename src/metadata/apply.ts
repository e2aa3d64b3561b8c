import { accountHandlers } from './apply-accounts.js';
import { broadcastHandlers } from './apply-broadcasts.js';
import { heartbeatHandlers } from './apply-heartbeats.js';
import { jobHandlers } from './apply-jobs.js';
import { videoHandlers } from './apply-videos.js';
import type { Entry } from './entries.js';
import { schemaHandlers, schemaVersion } from './schema.js';
import type { Handlers, Step } from './step.js';
import { type Outcome, refused } from './verdict.js';

const HANDLERS: Handlers = {
  ...schemaHandlers,
  ...accountHandlers,
  ...broadcastHandlers,
  ...videoHandlers,
  ...jobHandlers,
  ...heartbeatHandlers,
};

/** Changes the tables as one entry says, or refuses and leaves them as they were. Deterministic (step.ts). */
export function applyEntry(step: Step, entry: Entry): Outcome {
  if (entry.type !== 'schema.migrated' && schemaVersion(step.sql) === 0) {
    return refused('conflict', 'the catalog has no schema yet');
  }
  const handle = HANDLERS[entry.type] as (step: Step, data: Entry['data']) => Outcome;
  return handle(step, entry.data);
}
