import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { DecoderConfig, Frame } from '../../media/frame.js';
import type { Log } from '../../telemetry/log.js';
import type { PublisherSession } from '../broadcast.js';
import { KEYS_APART_MS_MAX } from './rtp/key-requests.js';
import type { MediaStats } from './rtp/media-session.js';
import type { Transport, TransportEvents } from './webrtc-process.js';
import type { WhipLimits } from './whip-limits.js';

export interface WhipSessionOptions {
  readonly streamKey: string;
  /** The publisher's own name for its side of ICE. */
  readonly iceUfrag: string;
  readonly limits: WhipLimits;
  readonly log: Log;
  readonly onEnded: () => void;
}

/**
 * One WHIP publisher between its admission and its end: what has an address below `/whip/`.
 *
 * Lifetime: *opening* (`admitted`, then `opened`) → *connecting*, until ICE and DTLS stand → *publishing* → *ended*, by the
 * publisher (DELETE, closing the connection, silence), by the box (`end`), or by the death of the WebRTC process.
 */
export class WhipSession implements TransportEvents {
  /** Whoever knows it may end the session: 128 bits of chance. */
  readonly id = randomBytes(16).toString('hex');
  /** Names this session's one set of ICE parameters (RFC 9725 §4.3). */
  readonly etag = `"${randomBytes(8).toString('hex')}"`;
  readonly iceUfrag: string;
  readonly #options: WhipSessionOptions;
  readonly #keyHash: Buffer;
  #publisher: PublisherSession | null = null;
  #transport: Transport | null = null;
  #deadline: NodeJS.Timeout | null = null;
  #stats: MediaStats | null = null;
  #blocked = false;
  #needsKey = false;
  #ended = false;

  constructor(options: WhipSessionOptions) {
    this.#options = options;
    this.iceUfrag = options.iceUfrag;
    this.#keyHash = hashOf(options.streamKey);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** As of the last second; null before the first. */
  get linkStats(): MediaStats | null {
    return this.#stats;
  }

  hasKey(streamKey: string): boolean {
    return timingSafeEqual(this.#keyHash, hashOf(streamKey));
  }

  admitted(publisher: PublisherSession): void {
    this.#publisher = publisher;
    publisher.metadata({ keyIntervalMs: KEYS_APART_MS_MAX });
    if (this.#ended) publisher.end();
  }

  opened(transport: Transport): void {
    this.#transport = transport;
    if (this.#ended) transport.close();
    else if (this.#deadline === null) this.#arm(this.#options.limits.connectMs, 'no connection came about');
  }

  addCandidates(candidates: readonly string[]): void {
    this.#transport?.addCandidates(candidates);
  }

  end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#options.log.info({ reason }, 'WHIP session ended');
    this.#transport?.close();
    this.#publisher?.end();
    this.#options.onEnded();
  }

  onConnected(): void {
    if (this.#ended) return;
    this.#options.log.info({}, 'WHIP publisher connected');
    this.#arm(this.#options.limits.mediaMs, 'no media came');
  }

  onConfig(config: DecoderConfig): void {
    if (this.#ended) return;
    const verdict = this.#publisher?.config(config);
    if (verdict?.ok === false) this.end(verdict.message);
  }

  /** A live source can't be held back: while the far end is busy its frames are dropped, and pictures up to the next key. */
  onFrame(frame: Frame): void {
    if (this.#ended) return;
    this.#deadline?.refresh();
    const isVideo = frame.track === 'video';
    if (this.#blocked) {
      this.#needsKey ||= isVideo;
      return;
    }
    if (isVideo && this.#needsKey && !frame.key) return;
    if (isVideo) this.#needsKey = false;
    if (this.#publisher?.frame(frame) === false) this.#waitUntilDrained(this.#publisher);
  }

  onStats(stats: MediaStats): void {
    this.#stats = stats;
  }

  onClosed(reason: string): void {
    this.#transport = null;
    this.end(reason);
  }

  #waitUntilDrained(publisher: PublisherSession): void {
    this.#blocked = true;
    publisher.drained().then(() => {
      this.#blocked = false;
      if (this.#needsKey) this.#transport?.needKey();
    });
  }

  #arm(ms: number, reason: string): void {
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.end(`${reason} for ${ms} ms`), ms);
  }
}

function hashOf(streamKey: string): Buffer {
  return createHash('sha256').update(streamKey).digest();
}
