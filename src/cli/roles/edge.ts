import { availableParallelism } from 'node:os';
import type { DiskTier } from '../../edge-cache/disk/disk-tier.js';
import { type Edge, openEdge } from '../../edge-cache/edge.js';
import type { EdgeStats } from '../../edge-cache/edge-metrics.js';
import type { OriginHealth } from '../../edge-cache/upstream/origin-servers.js';
import type { Certificates } from '../../http/certificate-files.js';
import { loadUws } from '../../http/load-uws.js';
import { openHttpServer } from '../../http/open-server.js';
import type { HttpServer } from '../../http/server.js';
import { openThreadedServer } from '../../http/threads/threaded-engine.js';
import { openTlsServer } from '../../http/tls-engine.js';
import { Failure } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { builtProgram } from '../../telemetry/package-files.js';
import { formatAddress, parseAddress } from '../address.js';
import type { Settings } from '../config-schema.js';
import type { DataFolder } from '../data-folder.js';
import { whyNodesEngine } from '../nodes-engine.js';
import { openEdgeGates, proxyProtocolOf } from './edge-gates.js';

/** How stale an answer of any server may be while that fails, where nobody says; seconds. */
const STALE_SEC = 3600;
/** An upstream that fails each time it is back is left out for so many times as long as at first, at most. */
const OUT_TIMES_MAX = 30;

/** The public door of a box: one handler, plain and, where a certificate is named for it, over TLS. */
export interface EdgeRole {
  /** ADDR:PORT. */
  readonly addresses: { readonly http: string; readonly https?: string; readonly https1?: string };
  stats(): EdgeStats;
  close(graceMs: number): Promise<void>;
}

export async function openEdgeRole(options: {
  settings: Settings;
  /** `origins` serve the same content. `api` null: they are any HTTP servers. */
  upstreams: { origins: readonly { url: string; weight: number }[]; api: string | null };
  certificates: Certificates | null;
  data: Pick<DataFolder, 'folder' | 'operatorToken'>;
  log: Log;
  metrics: Metrics;
}): Promise<EdgeRole> {
  const { settings, upstreams, certificates, data, log, metrics } = options;
  const gates = openEdgeGates(settings, log);
  const disk = await openOr(
    () => gates.close(),
    () => openDisks(settings, log, metrics),
  );
  const threads = threadsOf(settings);
  const closeBelow = async () => {
    await disk?.close();
    await gates.close();
  };
  const edge = await openOr(closeBelow, () =>
    openEdge({
      disk,
      lends: takesUws(settings),
      origin: upstreams.origins.map(({ url, weight }) => ({ url: new URL(url), weight })),
      originHealth: originHealth(settings),
      api: upstreams.api === null ? null : new URL(upstreams.api),
      memoryBytes: settings.edge.memory,
      purging: { token: data.operatorToken, folder: data.folder('edge'), follow: settings.edge.followPurges },
      staleIfErrorMs: 1000 * (settings.edge.staleIfErrorSec ?? (upstreams.api === null ? STALE_SEC : 0)),
      // On a whole box the origin is as near as the cache.
      prefetch: settings.edge.prefetch ?? (upstreams.api !== null && !settings.roles.includes('origin')),
      gates: gates.options,
      log,
      metrics,
    }),
  );
  const closeAll = async () => {
    await edge.close();
    await closeBelow();
  };
  const doors = await openOr(closeAll, () => openDoors(settings, certificates, edge, { threads, log }));
  const { http, https, https1 } = doors;
  return {
    addresses: {
      http: formatAddress(http.address),
      ...(https === null ? {} : { https: formatAddress(https.address) }),
      ...(https1 === null ? {} : { https1: formatAddress(https1.address) }),
    },
    stats: () => edge.stats(),
    async close(graceMs) {
      edge.drain();
      await closeDoors(doors, graceMs);
      await closeAll();
    },
  };
}

/** Where it cannot be opened, what was opened before it is closed. */
async function openOr<Opened>(close: () => Promise<void>, open: () => Opened | Promise<Opened>): Promise<Opened> {
  try {
    return await open();
  } catch (error) {
    await close();
    throw error;
  }
}

/** Loaded where there are any. */
async function openDisks({ edge: { disks } }: Settings, log: Log, metrics: Metrics): Promise<DiskTier | null> {
  if (disks.length === 0) return null;
  const { DiskTier: tier } = await import('../../edge-cache/disk/disk-tier.js');
  return tier.open({ disks, log, metrics });
}

function originHealth({ edge: { health } }: Settings): Partial<OriginHealth> {
  const { failures, outSec, slowStartSec, gatewayErrors, probePath, probeIntervalSec } = health;
  return {
    failuresMax: failures,
    outMs: 1000 * outSec,
    outMsMax: 1000 * OUT_TIMES_MAX * outSec,
    slowStartMs: 1000 * slowStartSec,
    gatewayErrors,
    probe: probePath === null ? null : { path: probePath, intervalMs: 1000 * probeIntervalSec },
  };
}

interface Doors {
  readonly http: HttpServer;
  readonly https: HttpServer | null;
  readonly https1: HttpServer | null;
}

async function openDoors(
  settings: Settings,
  certificates: Certificates | null,
  edge: Edge,
  { threads, log }: { readonly threads: number; readonly log: Log },
): Promise<Doors> {
  const doors: { -readonly [Name in keyof Doors]: HttpServer | null } = { http: null, https: null, https1: null };
  try {
    const why = whyNodesEngine(settings);
    if (why !== null) log.info({ because: why }, "Node's engine serves all doors");
    const http = await openPlain(settings, edge, threads, log);
    doors.http = http;
    doors.https = await openSecure(settings, certificates, edge, log);
    doors.https1 = await openSecureHttp1(settings, certificates, edge, { threads, log });
    sayWhatIsOpen(doors, log);
    return { ...doors, http };
  } catch (error) {
    await closeDoors(doors, 0);
    throw error;
  }
}

async function closeDoors({ http, https, https1 }: Partial<Record<keyof Doors, HttpServer | null>>, graceMs: number) {
  await Promise.all([http, https, https1].map((door) => door?.close(graceMs)));
}

function sayWhatIsOpen(doors: Record<keyof Doors, HttpServer | null>, log: Log): void {
  for (const [door, server] of Object.entries(doors)) {
    if (server !== null) log.info({ door, engine: server.engine, ...server.address }, 'the public door is open');
  }
}

const takesUws = (settings: Settings): boolean => whyNodesEngine(settings) === null && loadUws().loaded;

/** A thread a core, where nothing else is to be done here. */
function threadsOf(settings: Settings): number {
  const { roles, edge } = settings;
  if (!takesUws(settings)) return 1;
  return edge.threads ?? (roles.every((role) => role === 'edge') ? availableParallelism() : 1);
}

/** `certificates` null: plain. Null: one thread has to serve. */
async function openThreads(
  { listen, threads, certificates }: { listen: string; threads: number; certificates: Certificates | null },
  settings: Settings,
  edge: Edge,
  log: Log,
): Promise<HttpServer | null> {
  const { threads: doors } = edge;
  if (doors === null || threads === 1) return null;
  const options = {
    ...{ ...parseAddress(listen), ...doorOptions(settings, edge), threads },
    ...(certificates === null ? {} : { certificates }),
    program: builtProgram('door-thread'),
    forProgram: () => doors.start(),
    onSaid: (what: unknown) => doors.heard(what),
    // What is left would serve some connections and not others.
    onDeath: () => process.kill(process.pid, 'SIGTERM'),
  };
  const server = await openThreadedServer(options, doors.handler, log);
  doors.begin((what) => server.tellAll(what));
  return server;
}

function openPlain(settings: Settings, edge: Edge, threads: number, log: Log): Promise<HttpServer> {
  const { listen, engine } = settings.http;
  const open = async () => {
    const several = await openThreads({ listen, threads, certificates: null }, settings, edge, log);
    if (several !== null) return several;
    const options = { ...parseAddress(listen), engine, quick: edge.quick(), ...doorOptions(settings, edge) };
    return openHttpServer(options, edge.handler, log);
  };
  return open().catch((error) => {
    throw withFlag(error, '--http');
  });
}

async function openSecure(
  settings: Settings,
  certificates: Certificates | null,
  edge: Edge,
  log: Log,
): Promise<HttpServer | null> {
  const { listen } = settings.https;
  if (listen === null || certificates === null) return null;
  const options = { ...parseAddress(listen), certificates, ...doorOptions(settings, edge) };
  return openTlsServer(options, edge.handler, log).catch((error) => {
    throw withFlag(error, '--https');
  });
}

/** Where the faster engine does not load, Node's serves the port: what is known to clients must not fall silent over it. */
async function openSecureHttp1(
  settings: Settings,
  certificates: Certificates | null,
  edge: Edge,
  { threads, log }: { readonly threads: number; readonly log: Log },
): Promise<HttpServer | null> {
  const { listen } = settings.https1;
  if (listen === null || certificates === null) return null;
  const { engine } = settings.http;
  const open = async () => {
    const several = await openThreads({ listen, threads, certificates }, settings, edge, log);
    if (several !== null) return several;
    const door = { ...parseAddress(listen), engine, certificates, quick: edge.quick() };
    return openHttpServer({ ...door, ...doorOptions(settings, edge) }, edge.handler, log);
  };
  const server = await open().catch((error) => {
    throw withFlag(error, '--https1');
  });
  if (server.engine === 'node-tls' && whyNodesEngine(settings) === null) {
    log.warn(
      "https1: uWebSockets.js does not load here, so Node's own engine serves this door; `headwater doctor` says why",
    );
  }
  return server;
}

const doorOptions = (settings: Settings, { connectionGate }: Edge) => ({
  idleTimeoutMs: settings.http.idleTimeoutSec * 1000,
  proxyProtocol: proxyProtocolOf(settings),
  connectionGate: connectionGate ?? undefined,
});

/** The engines do not know how this door got its address; the operator should. */
function withFlag(error: unknown, flag: string): unknown {
  if (!(error instanceof Failure) || !/^http\.(address-|not-listening)/.test(error.code)) return error;
  const hint = `${error.hint} Give the public door another address with ${flag} ADDR:PORT.`;
  return new Failure(error.code, error.message, { hint, cause: error });
}
