import type { DecoderConfig } from '../../media/frame.js';
import type { Log } from '../../telemetry/log.js';
import type { PublisherSession } from '../broadcast.js';
import type { MediaMessage } from './flv-content.js';
import { FlvReader } from './flv-reader.js';
import { readStreamMetadata } from './stream-metadata.js';

/**
 * What a publisher's media messages become: frames and decoder configs for its session.
 *
 * Lifetime: one publish, from its admission to `end`.
 */
export class PublisherMedia {
  readonly #session: PublisherSession;
  readonly #log: Log;
  readonly #onRefused: (reason: string) => void;
  readonly #flv = new FlvReader();
  #toldOfTracks = false;

  /** `onRefused`: something came that can't be taken; the reason is a sentence for the publisher. */
  constructor(session: PublisherSession, log: Log, onRefused: (reason: string) => void) {
    this.#session = session;
    this.#log = log;
    this.#onRefused = onRefused;
  }

  /** A promise: read no further until it resolves. */
  take(message: MediaMessage): Promise<void> | null {
    const content = this.#flv.read(message);
    switch (content.kind) {
      case 'frame':
        if (content.config !== null && !this.#configure(content.config)) return null;
        return this.#session.frame(content.frame) ? null : this.#session.drained();
      case 'config':
        this.#configure(content.config);
        return null;
      case 'unsupported':
        this.#onRefused(content.message);
        return null;
      case 'other-track':
        this.#tellOfTracks(content.track, content.trackId);
        return null;
      case 'ignored':
        return null;
    }
  }

  takeMetadata(payload: Buffer): void {
    const metadata = readStreamMetadata(payload);
    if (metadata !== null) this.#session.metadata(metadata);
  }

  end(): void {
    this.#session.end();
  }

  #configure(config: DecoderConfig): boolean {
    const verdict = this.#session.config(config);
    if (!verdict.ok) this.#onRefused(verdict.message);
    return verdict.ok;
  }

  #tellOfTracks(track: 'audio' | 'video', trackId: number): void {
    if (this.#toldOfTracks) return;
    this.#toldOfTracks = true;
    this.#log.info({ track, trackId }, 'the publisher sends several tracks of a kind; only the first is taken');
  }
}
