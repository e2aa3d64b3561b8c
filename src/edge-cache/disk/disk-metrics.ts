import type { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../../telemetry/metrics.js';

/** Why an object that might have been written was not. */
export type Unwritten = 'queue-full' | 'disk-out' | 'too-large' | 'memory-needed';

/** Counts what the disks of the cache do. One per disk tier; `disk` is the folder. */
export class DiskMetrics {
  readonly #up: Gauge<'disk' | 'for'>;
  readonly #bytes: Gauge<'disk'>;
  readonly #objects: Gauge<'disk'>;
  readonly #hits: Counter<'disk'>;
  readonly #readBytes: Counter<'disk'>;
  readonly #writtenBytes: Counter<'disk'>;
  readonly #errors: Counter<'disk' | 'operation'>;
  readonly #corrupt: Counter<'disk'>;
  readonly #evictions: Counter<'disk'>;
  readonly #moved: Counter<'disk'>;
  readonly #unwritten: Counter<'reason'>;
  readonly #unproven: Counter;

  constructor(metrics: Metrics) {
    const each = ['disk'] as const;
    this.#up = metrics.gauge(
      'edge_disk_up',
      'Whether a cache disk is in use, for reads and for writes. 0: it failed or is full, and its last line in the log says what to do.',
      ['disk', 'for'],
    );
    this.#bytes = metrics.gauge(
      'edge_disk_bytes',
      'Bytes of the files on a cache disk. At its size it is full, as it should be.',
      each,
    );
    this.#objects = metrics.gauge(
      'edge_disk_objects',
      'Objects on a cache disk. Near 4000000, its bound: spread them over several disks.',
      each,
    );
    this.#hits = metrics.counter(
      'edge_disk_hits_total',
      'Reads that brought an object from disk into memory. Few, beside many misses: give edge.disks more room.',
      each,
    );
    this.#readBytes = metrics.counter(
      'edge_disk_read_bytes_total',
      'Body bytes read. At what the disk can do: more memory, or more disks.',
      each,
    );
    this.#writtenBytes = metrics.counter(
      'edge_disk_written_bytes_total',
      'Bytes written. Compare with the writes that the disk is rated for; larger disks are written over less often.',
      each,
    );
    this.#errors = metrics.counter(
      'edge_disk_errors_total',
      'Reads and writes that failed; those took a miss, never an error. Rising: see the log, dmesg and smartctl, and change the disk.',
      ['disk', 'operation'],
    );
    this.#corrupt = metrics.counter(
      'edge_disk_corrupt_total',
      'Objects whose checksum was wrong, or whose file was gone or cut; each was a miss. Rising: change the disk, or its cable or memory.',
      each,
    );
    this.#evictions = metrics.counter(
      'edge_disk_evictions_total',
      'Objects that went with the oldest segment. Steadily high with many misses: give edge.disks more room.',
      each,
    );
    this.#moved = metrics.counter(
      'edge_disk_moved_bytes_total',
      'Bytes written again because they were asked for when their segment went. Near half of those written: give edge.disks more room.',
      each,
    );
    this.#unwritten = metrics.counter(
      'edge_disk_dropped_writes_total',
      '"queue-full": the disks are slower than what comes in, add one. "disk-out": see edge_disk_up. "too-large": an object may take a 32nd of ' +
        'its disk, at most 64 MiB. "memory-needed": give edge.memory more.',
      ['reason'],
    );
    this.#unproven = metrics.counter(
      'edge_disk_unproven_total',
      'Objects not written because the disk is full and they were fetched for the first time. Nothing to do: it spares the disk.',
    );
  }

  up(disk: string, state: { readonly reads: boolean; readonly writes: boolean }): void {
    this.#up.set({ disk, for: 'reads' }, state.reads ? 1 : 0);
    this.#up.set({ disk, for: 'writes' }, state.writes ? 1 : 0);
  }

  holds(disk: string, { bytes, objects }: { readonly bytes: number; readonly objects: number }): void {
    this.#bytes.set({ disk }, bytes);
    this.#objects.set({ disk }, objects);
  }

  hit(disk: string, bytes: number): void {
    this.#hits.inc({ disk });
    this.#readBytes.inc({ disk }, bytes);
  }

  wrote(disk: string, bytes: number): void {
    this.#writtenBytes.inc({ disk }, bytes);
  }

  failed(disk: string, operation: 'read' | 'write'): void {
    this.#errors.inc({ disk, operation });
  }

  corrupt(disk: string): void {
    this.#corrupt.inc({ disk });
  }

  evicted(disk: string, objects: number): void {
    this.#evictions.inc({ disk }, objects);
  }

  moved(disk: string, bytes: number): void {
    this.#moved.inc({ disk }, bytes);
  }

  unwritten(reason: Unwritten): void {
    this.#unwritten.inc({ reason });
  }

  unproven(): void {
    this.#unproven.inc();
  }
}
