import type { Counter } from 'prom-client';
import type { Metrics } from '../../telemetry/metrics.js';

export const gateNames = ['forwarding', 'network', 'token', 'rate', 'in-flight', 'connections'] as const;

/** Which gate sent a request away. */
export type GateName = (typeof gateNames)[number];

/** What gates tell of what they do. */
export interface GateCounts {
  refused(gate: GateName): void;
  lineLost(): void;
}

/** Counts what the gates of the doors do. One per edge. */
export class GateMetrics implements GateCounts {
  readonly #refusals: Counter<'gate'>;
  readonly #lostLines: Counter;

  constructor(metrics: Metrics) {
    this.#refusals = metrics.counter(
      'edge_gate_refusals_total',
      'Requests (for "connections": connections) that a gate of the public door refused. Many "rate" or "in-flight": an attack, or limits that are too low for viewers behind one address.',
      ['gate'],
    );
    this.#lostLines = metrics.counter(
      'edge_access_log_lost_lines_total',
      'Lines of the access log that were dropped. Not 0: its disk is slow, full or failing; or sample less.',
    );
  }

  refused(gate: GateName, times = 1): void {
    this.#refusals.inc({ gate }, times);
  }

  lineLost(times = 1): void {
    this.#lostLines.inc(times);
  }
}
