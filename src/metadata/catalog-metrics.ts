import type { Metrics } from '../telemetry/metrics.js';

/** What the operator is told about the catalog. */
export class CatalogMetrics {
  readonly #entries;
  readonly #failures;
  readonly #seconds;

  constructor(metrics: Metrics, outstanding: () => number) {
    this.#entries = metrics.counter(
      'metadata_entries_total',
      'Entries proposed to the log, by type and verdict (applied, or why it was refused). Refusals are normal; a flood of denied means that workers outlive their leases: look at their load.',
      ['type', 'verdict'],
    );
    this.#failures = metrics.counter(
      'metadata_failures_total',
      'Appends that failed, by failure code. Should stay at 0: metadata.disk-full wants space, metadata.overloaded a faster disk.',
      ['code'],
    );
    this.#seconds = metrics.histogram(
      'metadata_append_seconds',
      'Time from proposing an entry to knowing that it is on the disk. Mostly the fsync: above 0.1 s, look at the disk of the data folder.',
      [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3],
    );
    const gauge = metrics.gauge(
      'metadata_calls_outstanding',
      'Calls that wait for the catalog. If it stays high, the disk of the data folder is too slow.',
    );
    // Read when the metrics are, rather than counted along.
    Object.assign(gauge, { collect: () => gauge.set(outstanding()) });
  }

  appended(type: string, verdict: string, milliseconds: number): void {
    this.#entries.inc({ type, verdict });
    this.#seconds.observe(milliseconds / 1_000);
  }

  failed(code: string): void {
    this.#failures.inc({ code });
  }
}
