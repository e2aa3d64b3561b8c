import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { messageOf } from '../../telemetry/failure.js';
import { type ChildCommand, type ChildReport, configBlock, controlBlock, frameBlock } from './child-messages.js';
import { Peer } from './peer.js';
import { MediaSession } from './rtp/media-session.js';

interface Session {
  readonly peer: Peer;
  readonly media: MediaSession;
}

export interface ChildSessionsOptions {
  readonly webrtc: typeof import('node-datachannel');
  readonly host: string;
  readonly port: number;
  readonly bitrateMaxBps: number;
  /** The pipe to the box. */
  readonly output: Socket;
}

const TICK_MS = 50;
const STATS_EVERY_MS = 1000;
/** What may wait in the pipe for a box that is busy: about three seconds of twenty publishers. */
const WAITING_BYTES_MAX = 16 * 1024 * 1024;

/**
 * All sessions of the WebRTC process. An error in one ends that one.
 *
 * Lifetime: the process's.
 */
export class ChildSessions {
  readonly #options: ChildSessionsOptions;
  readonly #sessions = new Map<number, Session>();
  /** While there are any. */
  #ticking: NodeJS.Timeout | null = null;

  constructor(options: ChildSessionsOptions) {
    this.#options = options;
    setInterval(() => this.#sendStats(), STATS_EVERY_MS);
  }

  take(command: ChildCommand): void {
    if (command.type === 'open') this.#open(command);
    const session = this.#sessions.get(command.session);
    if (command.type === 'candidates')
      for (const candidate of command.candidates) session?.peer.addCandidate(candidate);
    if (command.type === 'need-key') session?.media.needKey();
    if (command.type !== 'close') return;
    this.#sessions.delete(command.session);
    session?.peer.close();
  }

  #open(command: ChildCommand & { readonly type: 'open' }): void {
    const { session, agreement } = command;
    try {
      const peer = this.#openPeer(command);
      const media = new MediaSession({
        agreement,
        bitrateMaxBps: this.#options.bitrateMaxBps,
        send: (bytes) => peer.send(bytes),
        onConfig: (config) => this.#options.output.write(configBlock(session, config)),
        onFrame: (frame) => this.#sendMedia(session, () => frameBlock(session, frame)),
      });
      this.#sessions.set(session, { peer, media });
      this.#ticking ??= setInterval(() => this.#tick(), TICK_MS);
    } catch (error) {
      this.#report({ type: 'not-opened', session, message: messageOf(error) });
    }
  }

  #openPeer({ session, offer }: ChildCommand & { readonly type: 'open' }): Peer {
    const { webrtc, host, port } = this.#options;
    return new Peer({
      webrtc,
      host,
      port,
      offer,
      onAnswer: (answer) => this.#report({ type: 'opened', session, answer }),
      onConnected: () => this.#report({ type: 'connected', session }),
      onClosed: (reason) => this.#end(session, reason),
      onPacket: (bytes) => this.#guarded(session, ({ media }) => media.packet(bytes, performance.now())),
    });
  }

  /** A box that does not take the media in time misses some: pictures then, up to the next key. */
  #sendMedia(session: number, block: () => Buffer): void {
    const { output } = this.#options;
    if (output.writableLength <= WAITING_BYTES_MAX) output.write(block());
    else this.#sessions.get(session)?.media.needKey();
  }

  #tick(): void {
    const nowMs = performance.now();
    for (const session of [...this.#sessions.keys()]) this.#guarded(session, ({ media }) => media.tick(nowMs));
    if (this.#sessions.size > 0 || this.#ticking === null) return;
    clearInterval(this.#ticking);
    this.#ticking = null;
  }

  #sendStats(): void {
    const sessions = Array.from(this.#sessions, ([session, { media }]) => ({ session, stats: media.stats }));
    this.#report({ type: 'stats', sessions });
  }

  #guarded(session: number, work: (session: Session) => void): void {
    const found = this.#sessions.get(session);
    if (found === undefined) return;
    try {
      work(found);
    } catch (error) {
      found.peer.close();
      this.#end(session, `an internal error: ${messageOf(error)}`);
    }
  }

  #end(session: number, reason: string): void {
    if (this.#sessions.delete(session)) this.#report({ type: 'closed', session, reason });
  }

  #report(report: ChildReport): void {
    this.#options.output.write(controlBlock(report));
  }
}
