import type { Socket } from 'node:net';
import { messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Admission, PublishRequest } from '../publish.js';
import { PublisherMedia } from './publisher-media.js';
import type { ReadPulse } from './read-pulse.js';
import { type RtmpCommand, readCommand } from './rtmp-command.js';
import type { RtmpLimits } from './rtmp-limits.js';
import type { RtmpMessage } from './rtmp-message.js';
import type { RtmpMetrics } from './rtmp-metrics.js';
import { RtmpReplies } from './rtmp-replies.js';
import { RtmpSession } from './rtmp-session.js';

/** The part of Publishing that a connection needs. */
export interface Admitting {
  admit(request: PublishRequest): Promise<Admission>;
}

export interface RtmpConnectionOptions {
  /** Plain or TLS; with a `highWaterMark` of 0 it is read only where this connection asks for it. */
  readonly socket: Socket;
  readonly protocol: 'rtmp' | 'rtmps';
  readonly publishing: Admitting;
  readonly limits: RtmpLimits;
  readonly pulse: ReadPulse;
  readonly metrics: RtmpMetrics;
  readonly log: Log;
}

/** The one application that this server has: `rtmp://HOST/live/<streamKey>`. */
const APP = 'live';

/** What Node asks of the kernel at once. */
const FULL_READ_BYTES = 65_536;

type PublishCommand = Extract<RtmpCommand, { name: 'publish' }>;
type Phase = 'new' | 'connected' | 'publishing' | 'closing';

/**
 * One RTMP client, from its handshake to its last byte.
 *
 * Lifetime: `run` resolves when the socket is closed and the session (if there was one) has ended. Phases: *new* →
 * `connect` → *connected* → `publish`, admitted → *publishing* → `FCUnpublish`, `closeStream` or `deleteStream` → *connected*.
 * A refusal or a stop leads to *closing*: the reason is sent, and what still comes is read and dropped for a moment so that
 * the client gets to see it. What breaks the protocol is cut without a word.
 *
 * The socket is read only while nothing is waited for: one read's messages at a time, so a slow authorization or a slow feed
 * holds the client back by TCP's own means. While publishing it rests after each read, until the server's next pulse.
 */
export class RtmpConnection {
  readonly #socket: Socket;
  readonly #options: RtmpConnectionOptions;
  readonly #log: Log;
  readonly #rtmp: RtmpSession;
  readonly #replies: RtmpReplies;
  #phase: Phase = 'new';
  #media: PublisherMedia | null = null;
  #streamId = 1;
  #deadline: NodeJS.Timeout | null = null;
  /** Something is waited for, and what was read meanwhile has to be worked off before the end. */
  #waiting = false;
  #resting = false;
  /** Set once the socket is closed. */
  #gone: (() => void) | null = null;

  constructor(options: RtmpConnectionOptions) {
    this.#options = options;
    this.#socket = options.socket;
    this.#log = options.log;
    this.#rtmp = new RtmpSession(options.limits, (bytes) => this.#output(bytes));
    this.#replies = new RtmpReplies(this.#rtmp);
  }

  run(): Promise<void> {
    this.#armForHandshake();
    this.#socket.on('error', (error) => this.#log.debug({ reason: messageOf(error) }, 'RTMP connection broke'));
    this.#socket.on('readable', () => this.#read());
    return new Promise((resolve) => {
      this.#socket.once('close', () => {
        this.#gone = resolve;
        this.#finishIfGone();
      });
    });
  }

  /** Tells the client why, and closes. */
  stop(reason: string): void {
    this.#refuse('NetStream.Publish.Denied', reason);
  }

  destroy(): void {
    this.#phase = 'closing';
    this.#socket.destroy();
  }

  /** Asking an empty socket for bytes is what makes it read on. */
  #read(): void {
    while (!this.#waiting && !this.#resting) {
      const bytes: Buffer | null = this.#socket.read();
      if (bytes === null) return;
      if (this.#isClosing()) continue;
      this.#rtmp.push(bytes);
      this.#work();
      this.#restAfter(bytes.length);
    }
  }

  /** A full read means that more is waiting already. */
  #restAfter(bytes: number): void {
    if (this.#phase !== 'publishing' || this.#waiting || bytes >= FULL_READ_BYTES) return;
    this.#resting = this.#options.pulse.rest(this.#wake);
  }

  readonly #wake = () => {
    this.#resting = false;
    this.#read();
  };

  /**
   * What was read before a reset is still worked off: encoders close without reading our last words, which makes a reset of
   * an orderly end. A thrown error is a fault of ours, which must not reach the other publishers.
   */
  #work(): void {
    try {
      while (!this.#isClosing()) {
        const message = this.#rtmp.next();
        if (message === null) return;
        if (message.kind === 'fault') {
          this.#cut(message.reason, message.message);
          return;
        }
        const wait = this.#handle(message);
        if (wait !== null) {
          this.#workAfter(wait);
          return;
        }
      }
    } catch (error) {
      this.#containError(error);
    }
  }

  /** The client is not read while it has to wait, and its deadline doesn't run. */
  #workAfter(wait: Promise<void>): void {
    this.#waiting = true;
    this.#disarm();
    wait
      .catch((error: unknown) => this.#containError(error))
      .then(() => {
        this.#waiting = false;
        this.#armForPhase();
        this.#work();
        this.#read();
        this.#finishIfGone();
      });
  }

  #finishIfGone(): void {
    if (this.#gone === null || this.#waiting) return;
    this.#disarm();
    this.#endSession();
    this.#gone();
  }

  #containError(error: unknown): void {
    this.#log.error({ err: error }, 'RTMP connection closed by an internal error');
    this.#cut('internal', messageOf(error));
  }

  /** Not a plain comparison, because handling a message may have changed the phase. */
  #isClosing(): boolean {
    return this.#phase === 'closing';
  }

  #handle(message: RtmpMessage): Promise<void> | null {
    if (message.kind === 'command') return this.#command(message);
    const media = this.#media;
    if (media === null) return null;
    if (message.kind === 'audio' || message.kind === 'video') {
      this.#deadline?.refresh();
      return media.take(message);
    }
    media.takeMetadata(message.payload);
    return null;
  }

  #command(message: RtmpMessage): Promise<void> | null {
    const command = readCommand(message.payload);
    if (command === null) {
      this.#cut('malformed', 'a command that is none');
      return null;
    }
    if (this.#phase === 'new') {
      this.#connect(command);
      return null;
    }
    return this.#connectedCommand(command, message.streamId);
  }

  #connect(command: RtmpCommand): void {
    if (command.name !== 'connect') {
      this.#cut('malformed', 'the first command must be connect');
    } else if (command.app !== APP) {
      this.#replies.rejectConnect(command.transaction, `no such application: push to rtmp://HOST/${APP}/STREAMKEY`);
      this.#linger();
    } else {
      this.#replies.acceptConnect(command.transaction, command.enhanced);
      this.#phase = 'connected';
    }
  }

  #connectedCommand(command: RtmpCommand, streamId: number): Promise<void> | null {
    switch (command.name) {
      case 'createStream':
        this.#replies.createStream(command.transaction);
        return null;
      case 'announce':
        this.#replies.acknowledge(command.transaction);
        return null;
      case 'publish':
        return this.#publish(command, streamId);
      case 'unpublish':
        this.#unpublish();
        return null;
      case 'play':
        this.#streamId = streamId;
        this.#refuse('NetStream.Play.Failed', 'this server takes publishers only');
        return null;
      case 'connect':
        this.#cut('malformed', 'connect came twice');
        return null;
      case 'other':
        return null;
    }
  }

  #publish(wanted: PublishCommand, streamId: number): Promise<void> | null {
    this.#streamId = streamId;
    if (this.#phase !== 'publishing') return this.#admit(wanted);
    this.#refuse('NetStream.Publish.BadName', 'this connection is already publishing');
    return null;
  }

  async #admit({ streamKey, backup }: PublishCommand): Promise<void> {
    const { publishing, protocol } = this.#options;
    const remoteAddress = this.#socket.remoteAddress ?? 'unknown';
    const onStop = (reason: string) => this.stop(reason);
    const admission = await publishing.admit({ streamKey, channel: null, backup, protocol, remoteAddress, onStop });
    if (!admission.ok) {
      this.#log.info({ reason: admission.reason }, 'RTMP publisher refused');
      this.#refuse(REFUSAL_CODES[admission.reason], admission.message);
      return;
    }
    const onRefused = (reason: string) => this.#refuse('NetStream.Publish.Rejected', reason);
    this.#media = new PublisherMedia(admission.session, this.#log, onRefused);
    if (this.#isClosing()) {
      this.#endSession();
      return;
    }
    this.#phase = 'publishing';
    this.#rtmp.mediaAllowed = true;
    this.#replies.publishStarted(this.#streamId);
  }

  #unpublish(): void {
    if (this.#phase !== 'publishing') return;
    this.#endSession();
    this.#phase = 'connected';
    this.#replies.publishEnded(this.#streamId);
    this.#armForPhase();
  }

  #endSession(): void {
    const media = this.#media;
    this.#media = null;
    media?.end();
  }

  #refuse(code: string, description: string): void {
    if (this.#isClosing()) return;
    if (this.#phase !== 'new') this.#replies.error(this.#streamId, code, description);
    this.#linger();
  }

  /** Closes our side, and lets the client read what it was told: an immediate close could take the words with it. */
  #linger(): void {
    if (this.#isClosing()) return;
    this.#phase = 'closing';
    this.#endSession();
    this.#disarm();
    this.#socket.end();
    this.#deadline = setTimeout(() => this.#socket.destroy(), this.#options.limits.lingerMs);
  }

  #cut(reason: string, message: string): void {
    this.#log.info({ reason, message }, 'RTMP connection cut');
    this.#options.metrics.cut.inc({ reason });
    this.#phase = 'closing';
    this.#socket.destroy();
  }

  #output(bytes: Buffer): void {
    if (this.#isClosing() || !this.#socket.writable) return;
    this.#socket.write(bytes);
    if (this.#socket.writableLength > this.#options.limits.outboundBytesMax) {
      this.#cut('not-reading', 'the client does not read what it is sent');
    }
  }

  #armForPhase(): void {
    if (this.#phase === 'publishing') this.#arm(this.#options.limits.idleMs, 'idle');
    else if (this.#phase !== 'closing') this.#arm(this.#options.limits.publishDeadlineMs, 'no-publish');
  }

  #armForHandshake(): void {
    const { handshakeMs, publishDeadlineMs } = this.#options.limits;
    this.#deadline = setTimeout(() => {
      if (this.#rtmp.handshaken) this.#arm(publishDeadlineMs, 'no-publish');
      else this.#cut('handshake-slow', `no handshake within ${handshakeMs} ms`);
    }, handshakeMs);
  }

  #arm(ms: number, reason: 'no-publish' | 'idle'): void {
    this.#disarm();
    this.#deadline = setTimeout(() => this.#cut(reason, `nothing useful came for ${ms} ms`), ms);
  }

  #disarm(): void {
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#deadline = null;
  }
}

const REFUSAL_CODES = {
  'bad-key': 'NetStream.Publish.Unauthorized',
  denied: 'NetStream.Publish.Unauthorized',
  busy: 'NetStream.Publish.BadName',
  closing: 'NetStream.Publish.Denied',
  unavailable: 'NetStream.Publish.Denied',
} as const;
