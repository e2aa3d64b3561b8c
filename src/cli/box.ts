import { Failure, messageOf } from '../telemetry/failure.js';
import { type Log, openLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { parseAddress } from './address.js';
import type { ReadyFile } from './api-client.js';
import { BoxStatusReport } from './box-status.js';
import { openCertificates } from './certificates.js';
import type { Role, Settings } from './config-schema.js';
import { openDataFolder } from './data-folder.js';
import type { InnerRoles } from './inner-roles.js';
import type { Opening } from './opening.js';
import { openAdmin } from './roles/admin.js';
import type { EdgeRole } from './roles/edge.js';
import { startIngestChildren } from './roles/ingest-children.js';
import { openMetadata } from './roles/metadata.js';

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

const together: readonly Role[] = ['ingest', 'transcode', 'origin', 'api'];
const closeMs = 9500;
const graceMs = 3000;

export async function openBox(settings: Settings, options: { readyFiles: readonly string[] }): Promise<Box> {
  checkRoles(settings);
  const log = openLog(settings.log.level);
  const data = openDataFolder(settings.data);
  const closers: (() => Promise<void> | void)[] = [() => data.close()];
  try {
    const metrics = new Metrics();
    metrics.collectProcess();
    const certificates = openCertificates(settings, log, metrics);
    if (certificates) closers.push(() => certificates.close());
    const opening = { settings, data, log, metrics, status: new BoxStatusReport(), certificates, closers };
    const { ready, signInCode } = await openRoles(opening);
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
  if (edge.origin !== null && edge.upstreams.length > 0) {
    throw refuse(
      'edge.origin and edge.upstreams: only one of them may be given',
      'Write edge.origin for one server; for several, put all of them into edge.upstreams and leave edge.origin out.',
    );
  }
  if (present.length === 0 && (originsOf(edge).length === 0 || (edge.api === null && !edge.anyOrigin))) {
    throw refuse(
      'edge.origin and edge.api: an edge that runs alone needs both',
      'Give the addresses of the box that it stands before (edge.upstreams in place of edge.origin where there are several); or, before any HTTP server, edge.origin and edge.anyOrigin: true.',
    );
  }
}

/** One origin is a list of one. */
function originsOf({ origin, upstreams }: Settings['edge']): Settings['edge']['upstreams'] {
  return origin === null ? upstreams : [{ url: origin, weight: 1 }];
}

async function openRoles(opening: Opening): Promise<{ ready: ReadyFile; signInCode: string | null }> {
  const { settings, data, log, metrics, status, certificates, closers } = opening;
  const loadingEdge = settings.roles.includes('edge') ? import('./roles/edge.js') : null;
  const inner = settings.roles.includes('api') ? await openInner(opening) : null;
  let web: Partial<EdgeRole['addresses']> = {};
  if (loadingEdge !== null) {
    const { openEdgeRole } = await loadingEdge;
    const { api, anyOrigin } = settings.edge;
    const alone = { origins: originsOf(settings.edge), api: anyOrigin ? null : api };
    const upstreams = inner === null ? alone : { origins: [{ url: inner.originUrl, weight: 1 }], api: inner.apiUrl };
    const edge = await openEdgeRole({ settings, upstreams, certificates, data, log, metrics });
    closers.push(() => edge.close(graceMs));
    status.edge = edge.stats;
    web = edge.addresses;
  }
  const admin = await openAdmin(parseAddress(settings.admin.listen), metrics);
  closers.push(() => admin.close());
  const addresses = { ...web, ...(inner ? pushAddresses(inner) : {}), admin: admin.address };
  return { ready: addresses, signInCode: inner?.signInCode ?? null };
}

/** Of the protocols that serve. */
function pushAddresses({ rtmp, rtmps, srt, webrtc }: InnerRoles): Pick<ReadyFile, 'rtmp' | 'rtmps' | 'srt' | 'webrtc'> {
  const secure = rtmps === undefined ? {} : { rtmps };
  return { rtmp, ...secure, ...(srt === undefined ? {} : { srt }), ...(webrtc === undefined ? {} : { webrtc }) };
}

/**
 * The processes of ingest and the catalog's thread start while the other roles' code is still being loaded: together they are
 * most of a start.
 */
async function openInner(opening: Opening): Promise<InnerRoles> {
  const { settings, data, log, metrics, closers } = opening;
  const children = startIngestChildren({ settings, log, metrics });
  closers.push(() => children.close());
  const onDeath = () => process.kill(process.pid, 'SIGTERM');
  const loading = import('./inner-roles.js');
  // Until the catalog is open, so that it is closed where the other roles do not load.
  loading.catch(() => {});
  const metadata = await openMetadata({ folder: data.path, log, metrics, onDeath });
  closers.push(() => metadata.close());
  const { openInnerRoles } = await loading;
  return openInnerRoles(opening, { catalog: metadata.catalog, children });
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
      await Promise.resolve()
        .then(close)
        .catch((error) => log.error({ reason: messageOf(error) }, 'a part did not close well'));
    }
  };
  await Promise.race([inReverse(), late]);
  clearTimeout(timer);
}
