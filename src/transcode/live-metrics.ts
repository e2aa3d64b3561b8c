import type { Metrics } from '../telemetry/metrics.js';

export type LiveMetrics = ReturnType<typeof liveMetrics>;

/** Asked for once, by the transcoder. Gauges by channel are removed when the channel's broadcast ends. */
export function liveMetrics(metrics: Metrics) {
  return {
    broadcasts: metrics.gauge('live_broadcasts', 'Broadcasts being transcoded on this box.'),
    speed: metrics.gauge(
      'live_speed',
      'Media seconds encoded per second. Below 1 for long, viewers fall behind and stall: lower the ladder or free CPU.',
      ['channel'],
    ),
    fps: metrics.gauge('live_frames_per_second', 'Pictures encoded per second, of each rendition.', ['channel']),
    bytes: metrics.counter('live_fragment_bytes_total', 'Bytes of fragments made, counted when their ffmpeg ends.'),
    failures: metrics.counter(
      'live_ffmpeg_failures_total',
      'Live ffmpeg processes that failed and were replaced. stalled or killed: look for a shortage of CPU or memory; other: the log has its last words.',
      ['cause'],
    ),
  };
}
