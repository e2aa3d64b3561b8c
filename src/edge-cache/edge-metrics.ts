import type { Counter, Gauge, Histogram } from 'prom-client';
import type { Metrics } from '../telemetry/metrics.js';

/** How a request ended, from the cache's view. */
export type Outcome = 'hit' | 'collapsed' | 'miss' | 'revalidated' | 'pass' | 'refused' | 'failed';

export interface EdgeStats {
  /** Answers that cost no upstream request of their own: from memory, or joined to a fetch under way. */
  readonly hits: number;
  /** Answers of the cached space that did cost one. */
  readonly misses: number;
  /** hits / (hits + misses); 0 while there is neither. Pass-through requests count in none of them. */
  readonly hitRatio: number;
  /** Body bytes handed to clients, pass-through included. */
  readonly bytesServed: number;
  readonly memoryBytes: number;
  readonly objects: number;
}

/** Counts what the edge does, for Prometheus and for `headwater status`. One per edge. */
export class EdgeMetrics {
  readonly #outcomes: Readonly<Record<Outcome, Counter.Internal>>;
  readonly #sources: Readonly<Record<'cache' | 'upstream', Counter.Internal>>;
  readonly #upstreamRequests: Counter<'upstream' | 'server'>;
  readonly #upstreamErrors: Counter<'upstream' | 'server' | 'code'>;
  readonly #evictions: Counter;
  readonly #cutReaders: Counter;
  readonly #truncated: Counter;
  readonly #prefetches: Counter<'outcome'>;
  readonly #fills: Histogram;
  readonly #purges: Counter<'kind'>;
  readonly #purgedObjects: Counter;
  readonly #memory: Readonly<Record<'stored' | 'filling' | 'pinned', Gauge.Internal<'use'>>>;
  readonly #objects: Gauge;
  #hits = 0;
  #misses = 0;
  #bytesServed = 0;

  constructor(metrics: Metrics) {
    const requests = metrics.counter(
      'edge_requests_total',
      'Requests at the public door by outcome. Many "failed": look at the upstream. Few "hit": see what is not cacheable.',
      ['outcome'],
    );
    const bytes = metrics.counter('edge_bytes_total', 'Body bytes handed to clients, by where they came from.', [
      'from',
    ]);
    // Looked up once: this is counted thousands of times in a turn.
    const outcome = (name: Outcome) => requests.labels(name);
    this.#outcomes = {
      ...{ hit: outcome('hit'), collapsed: outcome('collapsed'), miss: outcome('miss') },
      ...{ revalidated: outcome('revalidated'), pass: outcome('pass') },
      ...{ refused: outcome('refused'), failed: outcome('failed') },
    };
    this.#sources = { cache: bytes.labels('cache'), upstream: bytes.labels('upstream') };
    this.#upstreamRequests = metrics.counter(
      'edge_upstream_requests_total',
      'Requests sent to an upstream, by purpose and server.',
      ['upstream', 'server'],
    );
    this.#upstreamErrors = metrics.counter(
      'edge_upstream_errors_total',
      'Upstream requests that brought no whole answer. "busy": raise its concurrency; others: see the upstream\'s log.',
      ['upstream', 'server', 'code'],
    );
    this.#evictions = metrics.counter(
      'edge_memory_evictions_total',
      'Objects dropped from memory for room. Steadily high with a low hit ratio: give the tier more memory.',
    );
    this.#cutReaders = metrics.counter(
      'edge_memory_cut_objects_total',
      'Evicted objects whose slow readers were cut to free memory. Not 0: give the tier more memory.',
    );
    this.#truncated = metrics.counter(
      'edge_fills_broken_total',
      'Fills that ended early; their readers were cut and nothing was stored. Look at the upstream.',
    );
    this.#prefetches = metrics.counter(
      'edge_prefetches_total',
      'Segments fetched before they were asked for: "sent" upstream, "used" by a client since, "refused" because too many were under way. Few "used" of those "sent": set edge.prefetch to false.',
      ['outcome'],
    );
    this.#fills = metrics.histogram(
      'edge_fill_seconds',
      'From the request upstream to the last byte of what was shared. Slow: look at the upstream and the way to it.',
      [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
    );
    this.#purges = metrics.counter('edge_purges_total', 'Purges carried out, by kind: url, prefix, tag.', ['kind']);
    this.#purgedObjects = metrics.counter(
      'edge_purged_objects_total',
      'Kept answers that purges meant. 0 beside many purges: look whether their addresses are those of the cache.',
    );
    const memory = metrics.gauge('edge_memory_bytes', 'Bytes of the memory tier by use: stored, filling, pinned.', [
      'use',
    ]);
    const use = (name: string) => memory.labels(name);
    this.#memory = { stored: use('stored'), filling: use('filling'), pinned: use('pinned') };
    this.#objects = metrics.gauge('edge_memory_objects', 'Whole objects in the memory tier.');
  }

  request(outcome: Outcome): void {
    this.#outcomes[outcome].inc();
    if (outcome === 'hit' || outcome === 'collapsed') this.#hits += 1;
    else if (outcome === 'miss' || outcome === 'revalidated') this.#misses += 1;
  }

  /** By threads that answer for themselves, since this was last told. */
  hitElsewhere(hits: number, bytes: number): void {
    this.#outcomes.hit.inc(hits);
    this.#hits += hits;
    this.served('cache', bytes);
  }

  refusedElsewhere(times: number): void {
    this.#outcomes.refused.inc(times);
  }

  served(from: 'cache' | 'upstream', bytes: number): void {
    this.#bytesServed += bytes;
    this.#sources[from].inc(bytes);
  }

  upstreamAsked(upstream: string, server: string): void {
    this.#upstreamRequests.inc({ upstream, server });
  }

  upstreamFailed(upstream: string, server: string, code: string): void {
    this.#upstreamErrors.inc({ upstream, server, code: code.replace('edge-cache.upstream-', '') });
  }

  purged(kind: string, objects: number): void {
    this.#purges.inc({ kind });
    this.#purgedObjects.inc(objects);
  }

  prefetched(outcome: 'sent' | 'used' | 'refused'): void {
    this.#prefetches.inc({ outcome });
  }

  /** @param seconds from the request upstream to the last byte. */
  filled(seconds: number): void {
    this.#fills.observe(seconds);
  }

  fillBroke(): void {
    this.#truncated.inc();
  }

  evicted(): void {
    this.#evictions.inc();
  }

  readersCut(): void {
    this.#cutReaders.inc();
  }

  memory(use: { stored: number; filling: number; pinned: number; objects: number }): void {
    this.#memory.stored.set(use.stored);
    this.#memory.filling.set(use.filling);
    this.#memory.pinned.set(use.pinned);
    this.#objects.set(use.objects);
  }

  stats(memory: { bytes: number; objects: number }): EdgeStats {
    const answered = this.#hits + this.#misses;
    return {
      hits: this.#hits,
      misses: this.#misses,
      hitRatio: answered === 0 ? 0 : this.#hits / answered,
      bytesServed: this.#bytesServed,
      memoryBytes: memory.bytes,
      objects: memory.objects,
    };
  }
}
