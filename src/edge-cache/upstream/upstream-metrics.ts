import type { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../../telemetry/metrics.js';

/** How it ended that a fill was taken up again where its upstream had broken off. */
export type ResumptionEnd = 'resumed' | 'changed' | 'failed';

/** Counts what happens where several upstreams serve the same. One per edge. */
export class UpstreamMetrics {
  readonly #inService: Gauge<'server'>;
  readonly #ejections: Counter<'server' | 'reason'>;
  readonly #retries: Counter<'upstream' | 'outcome'>;
  readonly #resumptions: Counter<'outcome'>;

  constructor(metrics: Metrics) {
    this.#inService = metrics.gauge(
      'edge_upstream_in_service',
      'Whether an upstream is asked: 1, or 0 while it is left out or has not answered since. 0: look at that server and at the way to it.',
      ['server'],
    );
    this.#ejections = metrics.counter(
      'edge_upstream_ejections_total',
      'Times an upstream was left out, by reason. Often "failures": it comes back and fails again; look at its log. "probes": it fails edge.health.probePath.',
      ['server', 'reason'],
    );
    this.#retries = metrics.counter(
      'edge_upstream_retries_total',
      'Requests that failed at one upstream, by what became of them: "sent" to another, or "refused" by the retry budget. Many "refused": too much fails at once; look at edge_upstream_errors_total.',
      ['upstream', 'outcome'],
    );
    this.#resumptions = metrics.counter(
      'edge_fills_resumed_total',
      'Fills that broke off and were asked on from there: "resumed"; "changed": the upstream has another body now; "failed". Not 0: an upstream cuts its answers. "changed" with several upstreams: see that they give the same ETag for the same bytes.',
      ['outcome'],
    );
  }

  inService(server: string, isIn: boolean): void {
    this.#inService.set({ server }, isIn ? 1 : 0);
  }

  ejected(server: string, reason: 'failures' | 'probes'): void {
    this.#ejections.inc({ server, reason });
  }

  retried(upstream: string, outcome: 'sent' | 'refused'): void {
    this.#retries.inc({ upstream, outcome });
  }

  resumption(outcome: ResumptionEnd): void {
    this.#resumptions.inc({ outcome });
  }
}
