/** What an edge did between two looks at its metrics. Pure. Rates are per second; those of counters that began anew count from 0. */
import type { MetricsSample } from './metrics-sample.js';

const outcomes = ['hit', 'collapsed', 'miss', 'revalidated', 'pass', 'refused', 'failed'] as const;

export interface EdgeActivity {
  readonly requestsPerSec: number;
  /** By outcome. */
  readonly outcomesPerSec: Readonly<Record<(typeof outcomes)[number], number>>;
  /** Of the requests to the cached space that were answered; null where there were none. */
  readonly hitRatio: number | null;
  readonly servedBytesPerSec: number;
  readonly fills: {
    readonly perSec: number;
    /** From the request upstream to the last byte; null where none ended. */
    readonly meanMs: number | null;
    readonly brokenPerSec: number;
  };
  readonly memory: {
    readonly storedBytes: number;
    readonly fillingBytes: number;
    readonly pinnedBytes: number;
    readonly objects: number;
    readonly evictionsPerSec: number;
  };
  readonly disks: readonly {
    readonly disk: string;
    readonly bytes: number;
    readonly objects: number;
    readonly hitsPerSec: number;
    readonly readBytesPerSec: number;
    readonly writtenBytesPerSec: number;
    readonly errorsPerSec: number;
    readonly reads: boolean;
    readonly writes: boolean;
  }[];
  readonly upstreams: readonly {
    readonly server: string;
    readonly requestsPerSec: number;
    readonly errorsPerSec: number;
    /** Null where it is the only one. */
    readonly inService: boolean | null;
  }[];
}

export function edgeActivity(before: MetricsSample, after: MetricsSample, elapsedSec: number): EdgeActivity {
  const rate = (name: string, labels: Readonly<Record<string, string>> = {}): number => {
    const [was, is] = [before.sum(name, labels), after.sum(name, labels)];
    return (is < was ? is : is - was) / elapsedSec;
  };
  const byOutcome = outcomes.map((outcome) => [outcome, rate('edge_requests_total', { outcome })] as const);
  const outcomesPerSec = Object.fromEntries(byOutcome) as EdgeActivity['outcomesPerSec'];
  const { hit, collapsed, miss, revalidated } = outcomesPerSec;
  const answered = hit + collapsed + miss + revalidated;
  const filled = rate('edge_fill_seconds_count');
  return {
    requestsPerSec: byOutcome.reduce((sum, [, each]) => sum + each, 0),
    outcomesPerSec,
    hitRatio: answered === 0 ? null : (hit + collapsed) / answered,
    servedBytesPerSec: rate('edge_bytes_total'),
    fills: {
      perSec: filled,
      meanMs: filled === 0 ? null : (1000 * rate('edge_fill_seconds_sum')) / filled,
      brokenPerSec: rate('edge_fills_broken_total'),
    },
    memory: {
      storedBytes: after.sum('edge_memory_bytes', { use: 'stored' }),
      fillingBytes: after.sum('edge_memory_bytes', { use: 'filling' }),
      pinnedBytes: after.sum('edge_memory_bytes', { use: 'pinned' }),
      objects: after.sum('edge_memory_objects'),
      evictionsPerSec: rate('edge_memory_evictions_total'),
    },
    disks: after.values('edge_disk_bytes', 'disk').map((disk) => ({
      disk,
      bytes: after.sum('edge_disk_bytes', { disk }),
      objects: after.sum('edge_disk_objects', { disk }),
      hitsPerSec: rate('edge_disk_hits_total', { disk }),
      readBytesPerSec: rate('edge_disk_read_bytes_total', { disk }),
      writtenBytesPerSec: rate('edge_disk_written_bytes_total', { disk }),
      errorsPerSec: rate('edge_disk_errors_total', { disk }),
      reads: after.sum('edge_disk_up', { disk, for: 'reads' }) > 0,
      writes: after.sum('edge_disk_up', { disk, for: 'writes' }) > 0,
    })),
    upstreams: after.values('edge_upstream_requests_total', 'server').map((server) => ({
      server,
      requestsPerSec: rate('edge_upstream_requests_total', { server }),
      errorsPerSec: rate('edge_upstream_errors_total', { server }),
      inService: inService(after, server),
    })),
  };
}

function inService(sample: MetricsSample, server: string): boolean | null {
  const found = sample.all('edge_upstream_in_service').find(({ labels }) => labels.server === server);
  return found === undefined ? null : found.value > 0;
}
