import type { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../../telemetry/metrics.js';

/** What the operator can read about the RTMP port. Made once per server. */
export class RtmpMetrics {
  readonly connections: Gauge;
  readonly turnedAway: Counter;
  readonly cut: Counter<'reason'>;

  constructor(metrics: Metrics) {
    this.connections = metrics.gauge('ingest_rtmp_connections', 'Open RTMP connections, publishing or not.');
    this.turnedAway = metrics.counter(
      'ingest_rtmp_turned_away_total',
      'Connections closed at once because the limit was reached. If they are real encoders, raise the limit.',
    );
    this.cut = metrics.counter(
      'ingest_rtmp_cut_total',
      'Connections cut for what they did: broken protocol, silence, not reading. A few are scanners; many from one address are an attack or a broken encoder.',
      ['reason'],
    );
  }
}
