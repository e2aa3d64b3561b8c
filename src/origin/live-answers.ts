import { type Answer, bytesAnswer, problemAnswer, textAnswer } from './answer.js';
import { contentType } from './content-type.js';
import type { LiveChannels } from './live-channels.js';
import { liveDashManifest, liveMediaPlaylist, liveMultivariantPlaylist } from './live-manifests.js';
import type { LiveWindow } from './live-window.js';
import { objectAnswer } from './object-answer.js';
import type { Shield } from './shield.js';

export interface LiveAnswersOptions {
  readonly channels: LiveChannels;
  /** Before the spool. */
  readonly shield: Shield;
  readonly now: () => number;
}

/** How long a request for the very next segment waits for it: a player's clock may run a little ahead. */
const EARLY_WAIT_MS = 1000;
const HLS = contentType('.m3u8');
const DASH = contentType('.mpd');

/** Answers for live addresses: playlists from the windows, segments from memory, else from the spool. */
export class LiveAnswers {
  readonly #options: LiveAnswersOptions;

  constructor(options: LiveAnswersOptions) {
    this.#options = options;
  }

  multivariant(channel: string): Answer {
    return this.#manifest(channel, HLS, (window) => liveMultivariantPlaylist(window));
  }

  mediaPlaylist(channel: string, rendition: string): Answer {
    return this.#manifest(channel, HLS, (window, now) => liveMediaPlaylist(window, rendition, now));
  }

  dash(channel: string): Answer {
    return this.#manifest(channel, DASH, (window, now) => liveDashManifest(window, now));
  }

  async media(broadcastId: string, rendition: string, name: string, signal: AbortSignal): Promise<Answer> {
    const held = this.#options.channels.held(broadcastId, rendition, name);
    if (held.kind === 'gap') return notYet();
    if (held.kind === 'coming') {
      const came = await held.window.waitFor(rendition, held.number, EARLY_WAIT_MS, signal);
      return came ? this.media(broadcastId, rendition, name, signal) : notYet();
    }
    const type = contentType(name, rendition.startsWith('audio') ? 'audio' : 'other');
    if (held.kind === 'bytes') {
      return bytesAnswer(held.bytes, { type, cache: 'media', etag: `"${broadcastId}-${rendition}-${name}"` });
    }
    const object = await this.#options.shield.read(`${broadcastId}/${rendition}/${name}`);
    return object === null ? notYet() : objectAnswer(object, { type, cache: 'media' });
  }

  #manifest(channel: string, type: string, write: (window: LiveWindow, now: number) => string | null): Answer {
    const now = this.#options.now();
    const window = this.#options.channels.window(channel);
    const text = window && write(window, now);
    if (window === null || text === null) return notYet();
    return textAnswer(text, { type, cache: 'live-manifest' });
  }
}

function notYet(): Answer {
  return problemAnswer(404, 'Not Found', 'It is not there, or not yet.', 'not-yet', [['retry-after', '1']]);
}
