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
import type { GateOptions } from './gates/gates.js';
import { openGates } from './gates/open-gates.js';
import { passGates } from './gates/pass-gates.js';
import { HitForMiss } from './hit-for-miss.js';
import { KeptParts } from './kept-parts.js';
import { keptVariants } from './kept-variants.js';
import { LargeBodies } from './large-bodies.js';
import { MemoryTier } from './memory/memory-tier.js';
import { Prefetch } from './prefetch.js';
import { openPurging, type PurgingOptions } from './purge/purging.js';
import { newCdnId } from './semantics/cdn-loop.js';
import { SharedFetches } from './shared-fetch.js';
import { BorrowedDoor } from './threads/borrowed-door.js';
import { DoorThreads } from './threads/door-threads.js';
import { Lending } from './threads/lending.js';
import { openUpstreams, type UpstreamsOptions } from './upstream/upstreams.js';
import { VariantIndex } from './variant-index.js';

export interface EdgeOptions extends UpstreamsOptions {
  /** All memory for bodies: kept, on their way in, and still being sent. */
  readonly memoryBytes: number;
  /** The tier below memory, opened before the edge and closed after it. Default: none. */
  readonly disk?: DiskTier | null;
  /** Larger bodies are kept in blocks, or, where they cannot be had in ranges, streamed and not kept. Default: a sixteenth of the memory, at most 64 MiB. */
  readonly objectBytesMax?: number;
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
  /** The short way, for a door of this thread alone. Undefined: there is none, where it does not lend, or there are signed addresses. */
  quick(): QuickAnswers | undefined;
  stats(): EdgeStats;
  /** Lets go of the edges below that wait for purges: before the door closes, or it would wait for them. */
  drain(): void;
  /** Cuts what is under way upstream: close the door first. */
  close(): Promise<void>;
}

const mebibyte = 1024 * 1024;

/** Throws `edge-cache.memory-refused` where the system has no memory for it. */
export function openEdge(options: EdgeOptions): Edge {
  const { api, disk = null, memoryBytes, staleIfErrorMs = 0, log } = options;
  const { now = Date.now, steadyNow = () => performance.now() } = options;
  const objectBytesMax = options.objectBytesMax ?? Math.min(64 * mebibyte, Math.floor(memoryBytes / 16));
  const metrics = new EdgeMetrics(options.metrics);
  // First of all: it may be refused.
  const tier = new MemoryTier({ bytesMax: memoryBytes, metrics, log, below: disk });
  const gates = openGates(options.gates ?? {}, now, options.metrics);
  const cdnId = newCdnId();
  const tools = { cdnId, log, metrics: options.metrics, edgeMetrics: metrics, now, steadyNow };
  const upstreams = openUpstreams(options, tools);
  const { alone, held } = upstreams;
  const parts = new KeptParts(tier, objectBytesMax);
  const large = new LargeBodies(objectBytesMax);
  const variants = new VariantIndex(keptVariants({ tier, disk, large, parts, fetches: () => fetches }));
  const lending = options.lends ? new Lending(variants) : null;
  disk?.variationsBy((name) => variants.variationsOf(name));
  variants.whenChanged = (key) => {
    // Lent while its address did not vary.
    tier.peek(key)?.endLoan();
    lending?.endVariants(key);
  };
  const kept = { tier, parts, large, variants, hitForMiss: new HitForMiss(now) };
  const common = { ...kept, held, metrics, now, objectBytesMax };
  const fetches = new SharedFetches({
    ...{ ...common, upstream: upstreams.fills, resuming: upstreams.origin },
    ...{ unreadBytesMax: 8 * mebibyte, fillMs: options.fillMs ?? 300_000 },
  });
  const prefetch = options.prefetch ? new Prefetch({ tier, disk, fetches, metrics, now }) : null;
  const addresses = api === null ? anyAddresses : boxAddresses;
  const space = { ...common, addresses, disk, fetches, prefetch, lending, alone, staleIfErrorMs };
  const purging = openPurging({ ...space, log }, options.purging ?? { token: null, folder: null, follow: false });
  const serve = openDoor(space, upstreams.api ?? alone, { cdnId, purging: purging.door });
  const threads =
    lending && new DoorThreads({ lending, gates, addresses: api === null ? 'any' : 'box', serve, metrics });
  return {
    handler: passGates(gates.own, metrics, serve),
    connectionGate: gates.connections,
    threads,
    quick() {
      if (lending === null || gates.quick === null) return undefined;
      const tools = { metrics, now };
      const door = new BorrowedDoor({ ...lending.places, addresses, quickGates: gates.quick, tools });
      lending.begin((message) => door.told(message));
      return door.quick ?? undefined;
    },
    stats: () => {
      threads?.count();
      return metrics.stats({ bytes: tier.bytes, objects: tier.objects });
    },
    drain: () => purging.drain(),
    close: async () => {
      gates.close();
      threads?.close();
      lending?.close();
      await purging.close();
      await upstreams.close();
    },
  };
}
