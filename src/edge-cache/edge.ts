/**
 * An edge: the public door's handler with its cache and the servers behind it.
 *
 * Lives from `openEdge` to `close`; what it keeps, in memory and on disk, is copies, so losing it loses nothing.
 */
import type { QuickAnswers } from '../http/quick-answers.js';
import type { ConnectionGate, HttpHandler } from '../http/server.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { anyAddresses, boxAddresses } from './address-rules.js';
import type { DiskTier } from './disk/disk-tier.js';
import { openDoor } from './door.js';
import { EdgeMetrics, type EdgeStats } from './edge-metrics.js';
import { GateMetrics } from './gates/gate-metrics.js';
import { areOpen, type GateOptions, gateTerms, makeConnectionGate, makeGates } from './gates/gates.js';
import { judgesOf } from './gates/network-rules.js';
import { passGates } from './gates/pass-gates.js';
import { HitForMiss } from './hit-for-miss.js';
import { LargeBodies } from './large-bodies.js';
import { MemoryTier } from './memory/memory-tier.js';
import { Prefetch } from './prefetch.js';
import { openPurging, type PurgingOptions } from './purge/purging.js';
import { newCdnId } from './semantics/cdn-loop.js';
import { SharedFetches } from './shared-fetch.js';
import { BorrowedDoor } from './threads/borrowed-door.js';
import { DoorThreads } from './threads/door-threads.js';
import { Lending } from './threads/lending.js';
import { defaultOriginHealth, type OriginHealth, OriginServers } from './upstream/origin-servers.js';
import { RetryBudget } from './upstream/retry-budget.js';
import { Upstream, type UpstreamLimits } from './upstream/upstream.js';
import type { ServerAddress } from './upstream/upstream-servers.js';
import { VariantIndex } from './variant-index.js';

export interface EdgeOptions {
  /** Where everything but the API comes from; a path in it goes before every path asked. Several: servers of the same content. */
  readonly origin: URL | readonly ServerAddress[];
  /** When one of several servers is left out, and how it comes back. */
  readonly originHealth?: Partial<OriginHealth>;
  /** Where `/v1` comes from; null: the origin is any HTTP server, and all of it is the cached space. */
  readonly api: URL | null;
  /** All memory for bodies: kept, on their way in, and still being sent. */
  readonly memoryBytes: number;
  /** The tier below memory, opened before the edge and closed after it. Default: none. */
  readonly disk?: DiskTier | null;
  /** Larger bodies are kept in blocks, or, where they cannot be had in ranges, streamed and not kept. Default: a sixteenth of the memory, at most 64 MiB. */
  readonly objectBytesMax?: number;
  /** Towards the origin, for each of shared fetches and others; and towards the API. */
  readonly originLimits?: Partial<UpstreamLimits>;
  readonly apiLimits?: Partial<UpstreamLimits>;
  /** Towards the origin, for what it may hold back; else as `originLimits`, with a longer `headMs` and room for more at once. */
  readonly heldLimits?: Partial<UpstreamLimits>;
  /** Longest time to fetch one object that is kept, ms. Default 5 minutes. */
  readonly fillMs?: number;
  /** How stale an answer may be while the origin fails, where neither the origin nor the client says; ms. Default 0. */
  readonly staleIfErrorMs?: number;
  /** Default: nobody may purge, and nothing is remembered of purges or followed. */
  readonly purging?: PurgingOptions;
  /** Whether other threads, or the short way, are to answer from this memory too. Default false. */
  readonly lends?: boolean;
  /** Whether the next segment of our media is fetched before it is asked for. Default false. */
  readonly prefetch?: boolean;
  /** Who may ask, and what is written down of it. Default: everybody, nothing. */
  readonly gates?: GateOptions;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Epoch ms. Default: the system's clock. */
  readonly now?: () => number;
  /** For spans that no step of the system's clock may change; ms. Default: the process's own. */
  readonly steadyNow?: () => number;
}

export interface Edge {
  readonly handler: HttpHandler;
  /** For the doors that hand their requests to it; null: they take every connection. */
  readonly connectionGate: ConnectionGate | null;
  /** For the threads that have doors; null where it does not lend. */
  readonly threads: DoorThreads | null;
  /** The short way, for a door of this thread alone. Undefined: there is none, where it does not lend or there are gates. */
  quick(): QuickAnswers | undefined;
  stats(): EdgeStats;
  /** Lets go of the edges below that wait for purges: before the door closes, or it would wait for them. */
  drain(): void;
  /** Cuts what is under way upstream: close the door first. */
  close(): Promise<void>;
}

const mebibyte = 1024 * 1024;

export const defaultUpstreamLimits: UpstreamLimits = {
  concurrent: 256,
  waitersMax: 2048,
  waitMs: 10_000,
  connectMs: 3_000,
  headMs: 30_000,
  bodyMs: 30_000,
};

/**
 * The longest that the origin holds an answer back, three target durations (draft-pantos-hls-rfc8216bis §6.2.5.2) of a long one,
 * on top of what any answer may take.
 */
const holdMsMax = 20_000;
/** 200 channels of 4 renditions, each with a playlist, a part and a growing segment, and as many again. */
const heldConcurrent = 4096;

export function openEdge(options: EdgeOptions): Edge {
  const metrics = new EdgeMetrics(options.metrics);
  const now = options.now ?? Date.now;
  const objectBytesMax = options.objectBytesMax ?? Math.min(64 * mebibyte, Math.floor(options.memoryBytes / 16));
  const cdnId = newCdnId();
  const steadyNow = options.steadyNow ?? (() => performance.now());
  const common = { cdnId, log: options.log, now };
  const addresses = options.origin instanceof URL ? [{ url: options.origin, weight: 1 }] : options.origin;
  const origin = new OriginServers({
    ...{ ...common, addresses, health: { ...defaultOriginHealth, ...options.originHealth } },
    ...{ edgeMetrics: metrics, metrics: options.metrics, steadyNow },
  });
  const originLimits = { ...defaultUpstreamLimits, ...options.originLimits };
  const apiLimits = { ...defaultUpstreamLimits, ...options.apiLimits };
  const fills = origin.openGroup('origin', originLimits);
  // Slow clients hold these for long: they must not keep the fills waiting.
  const alone = origin.openGroup('origin-alone', originLimits);
  const longer = { headMs: originLimits.headMs + holdMsMax, concurrent: heldConcurrent, waitersMax: heldConcurrent };
  const heldLimits = { ...originLimits, ...longer, ...options.heldLimits };
  const held = origin.openGroup('origin-held', heldLimits, { held: true });
  const apiRetries = new RetryBudget(steadyNow);
  const apiCommon = { ...common, name: 'api', limits: apiLimits, metrics, retries: apiRetries };
  const api = options.api && new Upstream({ ...apiCommon, base: options.api });
  const tier = new MemoryTier({ bytesMax: options.memoryBytes, metrics, below: options.disk ?? null });
  const variants = new VariantIndex();
  const gateMetrics = new GateMetrics(options.metrics);
  const { gates: gateOptions = {} } = options;
  const terms = gateTerms(gateOptions);
  const lines = gateOptions.accessLog?.lines ?? { write: () => true };
  const gates = makeGates(terms, { now, counts: gateMetrics, lines });
  const lending = options.lends ? new Lending() : null;
  if (lending !== null) variants.whenForgotten = (key) => lending.endVariants(key);
  const hitForMiss = new HitForMiss(now);
  const large = new LargeBodies(objectBytesMax);
  const shared = {
    upstream: fills,
    held,
    resuming: origin,
    tier,
    variants,
    hitForMiss,
    large,
    metrics,
    now,
    objectBytesMax,
  };
  const fetches = new SharedFetches({ ...shared, unreadBytesMax: 8 * mebibyte, fillMs: options.fillMs ?? 300_000 });
  const { staleIfErrorMs = 0 } = options;
  const disk = options.disk ?? null;
  const prefetch = options.prefetch ? new Prefetch({ tier, disk, fetches, metrics, now }) : null;
  const rules = api === null ? anyAddresses : boxAddresses;
  const space = {
    addresses: rules,
    tier,
    disk,
    variants,
    hitForMiss,
    large,
    fetches,
    prefetch,
    lending,
    alone,
    held,
    metrics,
    now,
    objectBytesMax,
    staleIfErrorMs,
  };
  const noPurging: PurgingOptions = { token: null, folder: null, follow: false };
  const purging = openPurging({ ...space, log: options.log }, options.purging ?? noPurging);
  const serve = openDoor(space, api ?? alone, { cdnId, purging: purging.door });
  const threads =
    lending &&
    new DoorThreads({
      ...{ lending, gates: terms, lines, metrics, gateMetrics },
      addresses: api === null ? 'any' : 'box',
      handler: (request, response) => serve({ request, response }),
    });
  const { networks } = gateOptions;
  const forgetNetworks = networks?.onChange(() => {
    terms.networks.judges = judgesOf(networks.current);
    threads?.judge(terms.networks.judges);
  });
  return {
    handler: passGates(gates, metrics, serve),
    connectionGate: makeConnectionGate(gateOptions, gateMetrics),
    threads,
    quick() {
      if (lending === null || !areOpen(gates)) return undefined;
      const door = new BorrowedDoor({ ...lending.places, addresses: rules, tools: { metrics, now } });
      lending.begin((message) => door.told(message));
      return door.quick;
    },
    stats: () => {
      threads?.count();
      return metrics.stats({ bytes: tier.bytes, objects: tier.objects });
    },
    drain: () => purging.drain(),
    close: async () => {
      forgetNetworks?.();
      threads?.close();
      lending?.close();
      await purging.close();
      await Promise.all([origin.close(), api?.close()]);
    },
  };
}
