import type { Metrics } from '../telemetry/metrics.js';

export type RestreamMetrics = ReturnType<typeof restreamMetrics>;

/** Asked for once. Targets are told apart by channel and name, never by address. */
export function restreamMetrics(metrics: Metrics) {
  const target = ['channel', 'target'] as const;
  return {
    sending: metrics.gauge(
      'restream_sending',
      'Whether a live channel is being sent to the target: 1 or 0. 0 for long: headwater channel restream list says why.',
      target,
    ),
    bytes: metrics.counter('restream_bytes_total', 'Bytes sent on, as they came from the feed.', target),
    failures: metrics.counter(
      'restream_failures_total',
      'Connections to the target that failed or broke off. headwater channel restream list has the last reason.',
      target,
    ),
    dropped: metrics.counter(
      'restream_dropped_frames_total',
      'Frames left out because the target took them too slowly: its network or this box has less room than the stream needs.',
      target,
    ),
  };
}
