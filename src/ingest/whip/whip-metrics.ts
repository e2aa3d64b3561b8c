import type { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../../telemetry/metrics.js';

/** What the operator can read about WHIP. Made once per box. */
export class WhipMetrics {
  readonly sessions: Gauge;
  readonly refused: Counter<'status'>;
  readonly deaths: Counter;

  constructor(metrics: Metrics) {
    this.sessions = metrics.gauge('whip_sessions', 'WHIP sessions now, those being connected included.');
    this.refused = metrics.counter(
      'whip_requests_refused_total',
      'WHIP requests refused, by status. 401: a wrong key; 406: no codec in common; 503: full, or WebRTC does not run here.',
      ['status'],
    );
    this.deaths = metrics.counter(
      'webrtc_process_deaths_total',
      'Ends of the WebRTC process; each one cut all WHIP publishers. Should be 0: the log has its last words.',
    );
  }
}
