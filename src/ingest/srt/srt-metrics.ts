import type { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../../telemetry/metrics.js';
import type { LinkFigures } from './link-history.js';
import type { LinkSample } from './listener-messages.js';
import { REJECT } from './reject-reason.js';

type LinkLabel = 'channel' | 'role';

/** What the operator can read about the SRT port. Made once per server; a publisher's link has lines while it publishes. */
export class SrtMetrics {
  readonly connections: Gauge;
  readonly restarts: Counter;
  readonly deaf: Counter;
  readonly cut: Counter<'reason'>;
  readonly #rejected: Counter<'reason'>;
  readonly #rtt: Gauge<LinkLabel>;
  readonly #loss: Gauge<LinkLabel>;
  readonly #bitrate: Gauge<LinkLabel>;
  readonly #retransmitted: Gauge<LinkLabel>;
  readonly #dropped: Gauge<LinkLabel>;

  constructor(metrics: Metrics) {
    const link: LinkLabel[] = ['channel', 'role'];
    this.connections = metrics.gauge('ingest_srt_connections', 'Open SRT connections, publishing or not.');
    this.restarts = metrics.counter(
      'ingest_srt_listener_restarts_total',
      'Times that the SRT listener process died and was started again. Its publishers reconnect; look for "SRT listener" in the log.',
    );
    this.deaf = metrics.counter(
      'ingest_srt_deaf_total',
      'Of those restarts: the port no longer answered callers. Malicious ones can do that to libsrt before 1.5.7.',
    );
    this.cut = metrics.counter(
      'ingest_srt_cut_total',
      'Connections closed from here after they were let in: refused, idle, unusable media.',
      ['reason'],
    );
    this.#rejected = metrics.counter(
      'ingest_srt_rejected_total',
      'Callers rejected during the handshake. unfinished: their passphrase is wrong or missing.',
      ['reason'],
    );
    this.#rtt = metrics.gauge(
      'ingest_srt_rtt_seconds',
      'Round trip to the publisher. The latency should be at least four times this.',
      link,
    );
    this.#loss = metrics.gauge(
      'ingest_srt_loss_ratio',
      'Packets missing on first arrival, of all, over ten seconds. They are sent again; what counts is what is dropped.',
      link,
    );
    this.#bitrate = metrics.gauge('ingest_srt_bits_per_second', 'What comes in, over ten seconds.', link);
    this.#retransmitted = metrics.gauge(
      'ingest_srt_retransmitted_packets',
      'Packets that came by being sent again.',
      link,
    );
    this.#dropped = metrics.gauge(
      'ingest_srt_dropped_packets',
      'Packets lost for good, in this connection: they would have come too late. Raise the latency on either side.',
      link,
    );
  }

  rejected(code: string, count: number): void {
    const reason = Object.entries(REJECT).find(([, known]) => String(known) === code)?.[0] ?? 'other';
    this.#rejected.inc({ reason }, count);
  }

  unfinished(): void {
    this.#rejected.inc({ reason: 'unfinished' });
  }

  link(channel: string, role: string, figures: LinkFigures, sample: LinkSample): void {
    const labels = { channel, role };
    this.#rtt.set(labels, figures.rttMs / 1000);
    this.#loss.set(labels, figures.lossRatio);
    this.#bitrate.set(labels, figures.bitrate);
    this.#retransmitted.set(labels, sample.packetsRetransmitted);
    this.#dropped.set(labels, sample.packetsDropped);
  }

  forgetLink(channel: string, role: string): void {
    for (const gauge of [this.#rtt, this.#loss, this.#bitrate, this.#retransmitted, this.#dropped]) {
      gauge.remove({ channel, role });
    }
  }
}
