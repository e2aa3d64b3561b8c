import { messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { PublisherSession } from '../broadcast.js';
import { TsDemuxer } from '../mpeg-ts/ts-demuxer.js';
import type { Admission, PublishRequest } from '../publish.js';
import { LinkHistory } from './link-history.js';
import type { LinkSample } from './listener-messages.js';
import type { RejectReason } from './reject-reason.js';
import type { SrtLimits } from './srt-limits.js';
import type { SrtMetrics } from './srt-metrics.js';
import { readStreamId, type SrtWish } from './stream-id.js';

/** The part of Publishing that a connection needs. */
export interface Admitting {
  admit(request: PublishRequest): Promise<Admission>;
}

/** The listener's end of this connection. */
interface SrtLink {
  read(on: boolean): void;
  close(): void;
  /** Callers with this key are rejected for a moment. */
  refuse(streamKey: string, reason: RejectReason): void;
}

export interface SrtConnectionOptions {
  readonly streamId: string;
  readonly remoteAddress: string;
  /** Whether the caller had to encrypt, and did. */
  readonly encrypted: boolean;
  readonly mustEncrypt: (streamKey: string) => boolean;
  readonly link: SrtLink;
  readonly publishing: Admitting;
  readonly limits: SrtLimits;
  readonly metrics: SrtMetrics;
  readonly log: Log;
  readonly onClosed: () => void;
}

const REFUSALS: Partial<Record<string, RejectReason>> = {
  'bad-key': 'bad-key',
  denied: 'wrong-channel',
  busy: 'busy',
  closing: 'closing',
};

/**
 * One SRT publisher, from its handshake to its last frame.
 *
 * Lifetime: `run` asks for admission, and nothing is read meanwhile: what comes waits in libsrt. *Publishing* until the caller
 * is gone, is refused, stopped, falls silent, or sends what can't be used; *closed* then, once, with `onClosed`. A feed that
 * does not keep up stops the reading, and libsrt makes the caller feel it.
 */
export class SrtConnection {
  readonly #options: SrtConnectionOptions;
  readonly #history = new LinkHistory();
  readonly #demuxer: TsDemuxer;
  #session: PublisherSession | null = null;
  #wish: SrtWish | null = null;
  #idle: NodeJS.Timeout | null = null;
  #waiting = false;
  #closed = false;

  constructor(options: SrtConnectionOptions) {
    this.#options = options;
    this.#demuxer = new TsDemuxer({
      onConfig: (config) => {
        const verdict = this.#session?.config(config);
        if (verdict?.ok === false) this.#refuse('media', verdict.message);
      },
      onFrame: (frame) => {
        this.#idle?.refresh();
        if (this.#session?.frame(frame) === false) this.#holdBack();
      },
      onCue: (cue) => this.#session?.cue(cue),
      onFault: (message) => this.#refuse('media', message),
    });
  }

  async run(): Promise<void> {
    const { streamId, remoteAddress, mustEncrypt, encrypted, publishing } = this.#options;
    const read = readStreamId(streamId);
    if (!read.ok) return this.#refuse(read.reason, 'the stream id says nothing that can be used');
    this.#wish = read.wish;
    // The listener knew no passphrase when it let the caller in, and there is one now.
    if (mustEncrypt(read.wish.streamKey) && !encrypted) return this.#cut('unencrypted', 'the channel wants encryption');
    const linkStats = () => this.#history.figures;
    const onStop = (reason: string) => this.stop(reason);
    const admission = await publishing.admit({ ...read.wish, protocol: 'srt', remoteAddress, onStop, linkStats });
    if (!admission.ok) return this.#refuse(REFUSALS[admission.reason] ?? 'closing', admission.message);
    if (this.#closed) return admission.session.end();
    this.#session = admission.session;
    this.#armIdle();
    this.#options.link.read(true);
  }

  /** A piece of what the caller sends. A thrown error is a fault of ours, which must not reach the other publishers. */
  media(piece: Buffer): void {
    if (this.#closed) return;
    try {
      this.#demuxer.push(piece);
    } catch (error) {
      this.#options.log.error({ err: error }, 'SRT connection closed by an internal error');
      this.#cut('internal', messageOf(error));
    }
  }

  sample(sample: LinkSample): void {
    this.#history.add(sample);
    const figures = this.#history.figures;
    if (this.#session === null || figures === null) return;
    this.#options.metrics.link(this.#session.channel, this.#role, figures, sample);
  }

  /** The caller is gone, and everything it sent has been handed over. */
  gone(): void {
    if (!this.#closed) this.#demuxer.end();
    this.#close();
  }

  /** The listener's process is gone, and this connection with it. */
  lost(): void {
    this.#close();
  }

  stop(reason: string): void {
    if (this.#closed) return;
    this.#options.log.info({ reason }, 'SRT publisher let go');
    this.#options.link.close();
    this.#close();
  }

  get #role(): string {
    return this.#wish?.backup === true ? 'backup' : 'primary';
  }

  #refuse(reason: RejectReason, message: string): void {
    if (this.#wish !== null) this.#options.link.refuse(this.#wish.streamKey, reason);
    this.#cut(reason, message);
  }

  #cut(reason: string, message: string): void {
    if (this.#closed) return;
    this.#options.log.info({ reason, message }, 'SRT connection closed');
    this.#options.metrics.cut.inc({ reason });
    this.#options.link.close();
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#disarm();
    const session = this.#session;
    this.#session = null;
    if (session !== null) {
      this.#logDamage();
      session.end();
      this.#options.metrics.forgetLink(session.channel, this.#role);
    }
    this.#options.onClosed();
  }

  #holdBack(): void {
    const session = this.#session;
    if (this.#waiting || session === null) return;
    this.#waiting = true;
    this.#disarm();
    this.#options.link.read(false);
    session.drained().then(() => {
      this.#waiting = false;
      if (this.#closed) return;
      this.#armIdle();
      this.#options.link.read(true);
    });
  }

  #logDamage(): void {
    const { damage } = this.#demuxer;
    if (Object.values(damage).some((count) => count > 0))
      this.#options.log.warn(damage, 'the transport stream was damaged');
  }

  #armIdle(): void {
    const { idleMs } = this.#options.limits;
    this.#idle = setTimeout(() => this.#cut('idle', `no frame came for ${idleMs} ms`), idleMs);
  }

  #disarm(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
  }
}
