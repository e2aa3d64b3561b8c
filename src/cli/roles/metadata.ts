import { join } from 'node:path';
import { type Catalog, openCatalog } from '../../metadata/catalog.js';
import { LeaseWatch } from '../../metadata/leases.js';
import { newEntry } from '../../metadata/new-entry.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';

/** The operator stands for whoever holds `operator.token`. */
export const operatorId = 'u_operator';
/** A worker renews three times within this; one that is quiet for so long has lost its job. */
export const leaseTtlMs = 30_000;

export interface MetadataRole {
  readonly catalog: Catalog;
  close(): Promise<void>;
}

export async function openMetadata(options: {
  folder: string;
  log: Log;
  metrics: Metrics;
  onDeath: () => void;
}): Promise<MetadataRole> {
  const { folder, log, metrics, onDeath } = options;
  const catalog = await openCatalog({ file: join(folder, 'catalog.sqlite'), log, metrics, onDeath });
  await catalog.append(
    newEntry('user.created', { userId: operatorId, name: 'operator', role: 'operator' }, { id: 'first-operator' }),
  );
  await settleFormerLife(catalog, log);
  const leases = new LeaseWatch({ board: catalog, ttlMs: leaseTtlMs, now: () => performance.now(), log });
  leases.start(leaseTtlMs / 6);
  return {
    catalog,
    async close() {
      await leases.close();
      await catalog.close();
    },
  };
}

/**
 * The embedded catalog is ours alone, so whatever a killed box left running is over: its broadcasts have ended, and its
 * jobs go back into the queue without waiting for their leases.
 */
async function settleFormerLife(catalog: Catalog, log: Log): Promise<void> {
  for (const { broadcastId, channel } of await catalog.openBroadcasts()) {
    await catalog.append(newEntry('broadcast.ended', { broadcastId, at: Date.now() }, { id: `ended-${broadcastId}` }));
    log.warn({ channel, broadcast: broadcastId }, 'a broadcast was cut off when the box stopped');
  }
  for (const { jobId, token, renewal } of await catalog.processingJobs()) {
    await catalog.append(newEntry('job.expired', { jobId, token, renewal }));
    log.warn({ job: jobId }, 'a job was cut off when the box stopped; it runs again');
  }
}
