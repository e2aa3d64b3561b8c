import { fileURLToPath } from 'node:url';
import { openDiskStore } from '../storage/disk-store.js';
import { Failure, messageOf } from '../telemetry/failure.js';
import { type Log, openLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { parseAddress } from './address.js';
import type { ReadyFile } from './api-client.js';
import { BoxStatusReport } from './box-status.js';
import type { Role, Settings } from './config-schema.js';
import { type DataFolder, openDataFolder } from './data-folder.js';
import { openAdmin } from './roles/admin.js';
import { openApiRole } from './roles/api.js';
import { openEdgeRole } from './roles/edge.js';
import { openIngest } from './roles/ingest.js';
import { openMetadata, operatorId } from './roles/metadata.js';
import { openOriginRole } from './roles/origin.js';
import { openTranscode } from './roles/transcode.js';

/**
 * A box's life: the roles open in the order in which they need one another and close in reverse, so that whatever is still
 * under way finds what it needs. Everything is closed within ten seconds, or cut.
 */
export interface Box {
  readonly ready: ReadyFile;
  /** The one-time code for the operator's sign-in link; null without the api role. */
  readonly signInCode: string | null;
  close(): Promise<void>;
}

const webDir = fileURLToPath(new URL('../web', import.meta.url));
const together: readonly Role[] = ['ingest', 'transcode', 'origin', 'api'];
const closeMs = 9500;
const graceMs = 3000;

export async function openBox(settings: Settings, options: { readyFiles: readonly string[] }): Promise<Box> {
  checkRoles(settings);
  const log = openLog(settings.log.level);
  const data = openDataFolder(settings.data);
  const closers: (() => Promise<void> | void)[] = [() => data.close()];
  try {
    const { ready, signInCode } = await openRoles({ settings, data, log, closers });
    data.writeReady(ready, options.readyFiles);
    log.info({ ready }, 'every role serves');
    return { ready, signInCode, close: () => closeAll(closers, log) };
  } catch (error) {
    await closeAll(closers, log);
    throw error;
  }
}

/** The embedded parts are shared in memory and in files of this process; only the edge can stand alone. */
function checkRoles({ roles, edge }: Settings): void {
  const refuse = (message: string, hint: string) => new Failure('cli.bad-setting', message, { hint });
  const present = together.filter((role) => roles.includes(role));
  if (present.length > 0 && present.length < together.length) {
    throw refuse(
      `roles: ${roles.join(', ')} cannot run like this`,
      `roles takes ${together.join(', ')} together, with or without edge; or edge alone.`,
    );
  }
  if (present.length === 0 && (edge.origin === null || edge.api === null)) {
    throw refuse(
      'edge.origin and edge.api: an edge that runs alone needs both',
      'Give the addresses of the box that it stands before.',
    );
  }
}

interface Opening {
  readonly settings: Settings;
  readonly data: DataFolder;
  readonly log: Log;
  readonly closers: (() => Promise<void> | void)[];
}

async function openRoles({
  settings,
  data,
  log,
  closers,
}: Opening): Promise<{ ready: ReadyFile; signInCode: string | null }> {
  const metrics = new Metrics();
  metrics.collectProcess();
  const status = new BoxStatusReport();
  const inner = settings.roles.includes('api')
    ? await openInner({ settings, data, log, closers }, metrics, status)
    : null;
  let http: string | undefined;
  if (settings.roles.includes('edge')) {
    const upstreams = {
      origin: inner?.originUrl ?? settings.edge.origin ?? '',
      api: inner?.apiUrl ?? settings.edge.api ?? '',
    };
    const edge = await openEdgeRole({ settings, upstreams, log, metrics });
    closers.push(() => edge.close(graceMs));
    status.edge = edge.stats;
    http = edge.http;
  }
  const admin = await openAdmin(parseAddress(settings.admin.listen), metrics);
  closers.push(() => admin.close());
  const addresses = { ...(http ? { http } : {}), ...(inner ? { rtmp: inner.rtmp } : {}), admin: admin.address };
  return { ready: addresses, signInCode: inner?.signInCode ?? null };
}

interface Inner {
  readonly rtmp: string;
  readonly originUrl: string;
  readonly apiUrl: string;
  readonly signInCode: string;
}

/** The four roles that share the embedded parts, in the order of the flow from the catalog outwards. */
async function openInner(
  { settings, data, log, closers }: Opening,
  metrics: Metrics,
  status: BoxStatusReport,
): Promise<Inner> {
  const onDeath = () => process.kill(process.pid, 'SIGTERM');
  const { catalog, ...metadata } = await openMetadata({ folder: data.path, log, metrics, onDeath });
  closers.push(() => metadata.close());
  const objects = await openDiskStore({ root: data.folder('objects'), log });

  const origin = await openOriginRole({
    settings,
    spoolDir: data.folder('spool'),
    webDir,
    catalog,
    objects,
    log,
    metrics,
  });
  closers.push(() => origin.close(graceMs));
  const transcode = await openTranscode({
    settings,
    folder: data.path,
    catalog,
    objects,
    fragments: origin.fragments,
    log,
    metrics,
  });
  closers.push(() => transcode.close(graceMs));
  const ingest = await openIngest({ settings, catalog, sink: transcode.live, log, metrics });
  closers.push(() => ingest.close(1000));
  status.fill({ catalog, publishing: ingest.publishing, live: transcode.live });

  const api = await openApiRole({
    settings,
    data,
    catalog,
    objects,
    origin,
    ingest,
    board: transcode.board,
    status,
    log,
    metrics,
  });
  closers.push(() => api.close(graceMs));
  return { rtmp: ingest.rtmp, originUrl: origin.url, apiUrl: api.url, signInCode: api.signInCode(operatorId) };
}

async function closeAll(closers: (() => Promise<void> | void)[], log: Log): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((done) => {
    timer = setTimeout(() => {
      log.warn('not everything closed in time; the rest is cut');
      done();
    }, closeMs);
  });
  const inReverse = async () => {
    for (const close of closers.splice(0).reverse()) {
      await Promise.resolve(close()).catch((error) =>
        log.error({ reason: messageOf(error) }, 'a part did not close well'),
      );
    }
  };
  await Promise.race([inReverse(), late]);
  clearTimeout(timer);
}
