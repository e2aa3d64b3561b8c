import type { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../telemetry/metrics.js';

/** What the operator can read about publishers, whatever protocol they use. Made once per box. */
export class IngestMetrics {
  readonly publishers: Gauge;
  readonly bytes: Counter;
  readonly frames: Counter<'track'>;
  readonly feeds: Counter;
  readonly refused: Counter<'reason'>;
  readonly clockRepairs: Counter<'kind'>;
  readonly switches: Counter<'to'>;
  readonly slateSeconds: Counter;
  readonly reconnects: Counter;
  readonly cues: Counter<'kind'>;

  constructor(metrics: Metrics) {
    this.publishers = metrics.gauge('ingest_publishers', 'Publishers connected now, primaries and backups.');
    this.bytes = metrics.counter('ingest_media_bytes_total', 'Bytes of coded media taken from publishers.');
    this.frames = metrics.counter('ingest_frames_total', 'Frames taken from publishers.', ['track']);
    this.feeds = metrics.counter(
      'ingest_feeds_total',
      'Feeds opened towards transcode. More than one a broadcast means restarts: look for "feed lost" in the log.',
    );
    this.refused = metrics.counter(
      'ingest_publishers_refused_total',
      'Publishers refused. bad-key: someone has a wrong or rotated key; busy: a second encoder uses a key that is live (give it ?backup=1).',
      ['reason'],
    );
    this.clockRepairs = metrics.counter(
      'ingest_clock_repairs_total',
      'Times repaired in source clocks. jump: the encoder restarted its clock or stalled; order: times that fell.',
      ['kind'],
    );
    this.switches = metrics.counter(
      'ingest_switches_total',
      'What came on air in place of something else. Many to backup or slate: the primary or its network is not steady.',
      ['to'],
    );
    this.cues = metrics.counter(
      'ingest_cues_total',
      'Cues (SCTE-35) and timed ID3 taken from publishers. off-clock: left out, as their times are not by the clock of the pictures; look at what inserts them.',
      ['kind'],
    );
    this.slateSeconds = metrics.counter('ingest_slate_seconds_total', 'Time for which channels showed their slate.');
    this.reconnects = metrics.counter(
      'ingest_reconnects_total',
      'Publishers who came back within the grace time and continued their broadcast.',
    );
  }
}
