import type { Socket } from 'node:net';
import { messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { PublisherSession } from '../broadcast.js';
import type { Admission, PublishRequest } from '../publish.js';
import { readFlvContent } from './flv-frames.js';
import { GuardedSession, type RtmpFault, type RtmpMessage } from './guarded-session.js';
import { type RtmpCommand, readCommand } from './rtmp-command.js';
import type { RtmpLimits } from './rtmp-limits.js';
import type { RtmpMetrics } from './rtmp-metrics.js';
import { RtmpReplies } from './rtmp-replies.js';
import { readStreamMetadata } from './stream-metadata.js';

/** The part of Publishing that a connection needs. */
export interface Admitting {
  admit(request: PublishRequest): Promise<Admission>;
}

export interface RtmpConnectionOptions {
  readonly socket: Socket;
  readonly publishing: Admitting;
  readonly limits: RtmpLimits;
  readonly metrics: RtmpMetrics;
  readonly log: Log;
}

/** The one application that this server has: `rtmp://HOST/live/<streamKey>`. */
const APP = 'live';

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
 * holds the client back by TCP's own means.
 */
export class RtmpConnection {
  readonly #socket: Socket;
  readonly #options: RtmpConnectionOptions;
  readonly #log: Log;
  readonly #rtmp: GuardedSession;
  readonly #replies: RtmpReplies;
  #phase: Phase = 'new';
  #session: PublisherSession | null = null;
  #streamId = 1;
  #deadline: NodeJS.Timeout | null = null;
  /** Something is waited for, and what was read meanwhile has to be worked off before the end. */
  #waiting = false;
  /** Set once the socket is closed. */
  #gone: (() => void) | null = null;

  constructor(options: RtmpConnectionOptions) {
    this.#options = options;
    this.#socket = options.socket;
    this.#log = options.log;
    this.#rtmp = new GuardedSession(options.limits, (bytes) => this.#output(bytes));
    this.#replies = new RtmpReplies(this.#rtmp);
  }

  run(): Promise<void> {
    this.#arm(this.#options.limits.publishDeadlineMs, 'no-publish');
    this.#socket.on('error', (error) => this.#log.debug({ reason: messageOf(error) }, 'RTMP connection broke'));
    this.#socket.on('data', (bytes) => this.#read(bytes));
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

  #read(bytes: Buffer): void {
    if (this.#isClosing()) return;
    const { messages, fault } = this.#rtmp.parse(bytes);
    this.#work(messages, fault);
  }

  /**
   * What was read before a reset is still worked off: encoders close without reading our last words, which makes a reset of
   * an orderly end. A thrown error is a fault of ours, which must not reach the other publishers.
   */
  #work(messages: readonly RtmpMessage[], fault: RtmpFault | null): void {
    try {
      for (const [index, message] of messages.entries()) {
        if (this.#isClosing()) return;
        const wait = this.#handle(message);
        if (wait !== null) {
          this.#workAfter(wait, messages.slice(index + 1), fault);
          return;
        }
      }
      if (fault !== null) this.#cut(fault.reason, fault.message);
    } catch (error) {
      this.#containError(error);
    }
  }

  /** The client is not read while it has to wait, and its deadline doesn't run. */
  #workAfter(wait: Promise<void>, messages: readonly RtmpMessage[], fault: RtmpFault | null): void {
    this.#waiting = true;
    this.#socket.pause();
    this.#disarm();
    wait
      .catch((error: unknown) => this.#containError(error))
      .then(() => {
        this.#waiting = false;
        this.#armForPhase();
        this.#work(messages, fault);
        if (!this.#waiting) this.#socket.resume();
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
    const session = this.#session;
    if (session === null) return null;
    if (message.kind === 'data') {
      const metadata = readStreamMetadata(message.payload);
      if (metadata !== null) session.metadata(metadata);
      return null;
    }
    this.#deadline?.refresh();
    return this.#media(message, session);
  }

  #media(message: RtmpMessage, session: PublisherSession): Promise<void> | null {
    const content = readFlvContent(message);
    if (content.kind === 'frame') return session.frame(content.frame) ? null : session.drained();
    if (content.kind === 'unsupported') this.#refuse('NetStream.Publish.Rejected', content.message);
    if (content.kind === 'config') {
      const verdict = session.config(content.config);
      if (!verdict.ok) this.#refuse('NetStream.Publish.Rejected', verdict.message);
    }
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
      this.#replies.acceptConnect(command.transaction);
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
        return this.#publish(command.streamKey, streamId);
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

  #publish(streamKey: string, streamId: number): Promise<void> | null {
    this.#streamId = streamId;
    if (this.#phase !== 'publishing') return this.#admit(streamKey);
    this.#refuse('NetStream.Publish.BadName', 'this connection is already publishing');
    return null;
  }

  async #admit(streamKey: string): Promise<void> {
    const remoteAddress = this.#socket.remoteAddress ?? 'unknown';
    const onStop = (reason: string) => this.stop(reason);
    const who = { streamKey, channel: null, backup: false, protocol: 'rtmp', remoteAddress } as const;
    const admission = await this.#options.publishing.admit({ ...who, onStop });
    if (!admission.ok) {
      this.#log.info({ reason: admission.reason }, 'RTMP publisher refused');
      this.#refuse(REFUSAL_CODES[admission.reason], admission.message);
      return;
    }
    this.#session = admission.session;
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
    const session = this.#session;
    this.#session = null;
    session?.end();
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
  busy: 'NetStream.Publish.BadName',
  closing: 'NetStream.Publish.Denied',
  unavailable: 'NetStream.Publish.Denied',
} as const;
