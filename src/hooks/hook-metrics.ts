import type { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../telemetry/metrics.js';

/** What the operator can read about hooks. Made once per box. */
export class HookMetrics {
  readonly authorizations: Counter<'outcome'>;
  readonly delivered: Counter<'target'>;
  readonly failed: Counter<'target'>;
  readonly dropped: Counter<'target'>;
  readonly waiting: Gauge<'target'>;

  constructor(metrics: Metrics) {
    this.authorizations = metrics.counter(
      'hook_authorizations_total',
      'Questions to the authorization hook. failed: it gave no verdict; hooks.authorize.onFailure decided.',
      ['outcome'],
    );
    this.delivered = metrics.counter('hook_events_delivered_total', 'Events that a receiver took.', ['target']);
    this.failed = metrics.counter(
      'hook_tries_failed_total',
      'Tries that a receiver did not take; each is made again until an hour has passed. Rising: look at that receiver.',
      ['target'],
    );
    this.dropped = metrics.counter(
      'hook_events_dropped_total',
      'Events given up: every try failed, or the queue was full. They do not come back.',
      ['target'],
    );
    this.waiting = metrics.gauge('hook_events_waiting', 'Events that wait for a receiver.', ['target']);
  }
}
