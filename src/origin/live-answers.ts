import { type Answer, bytesAnswer, growingAnswer, manifestAnswer, problemAnswer } from './answer.js';
import type { CacheKind } from './cache-policy.js';
import { contentType } from './content-type.js';
import { admitted, HELD_TARGET_DURATIONS, heldPlaylist, holdFor } from './held-playlist.js';
import type { Skipping } from './hls/delivery-directives.js';
import type { HeldMedia, LiveChannels } from './live-channels.js';
import { dashPhase, liveDashManifest } from './live-dash-manifest.js';
import { liveMultivariantPlaylist } from './live-manifests.js';
import { liveMediaPlaylist, partTarget } from './live-media-playlist.js';
import type { LiveWindow } from './live-window.js';
import { objectAnswer } from './object-answer.js';
import { RenderedManifests } from './rendered-manifests.js';
import type { Shield, ShieldedObject } from './shield.js';

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

interface Shown {
  readonly window: LiveWindow;
  /** Of the manifest among the window's. */
  readonly name: string;
  readonly type: string;
  readonly cache: CacheKind;
}

/** Answers for live addresses: playlists from the windows, parts and segments from memory, else from the spool. */
export class LiveAnswers {
  readonly #options: LiveAnswersOptions;
  readonly #rendered: RenderedManifests;

  constructor(options: LiveAnswersOptions) {
    this.#options = options;
    this.#rendered = new RenderedManifests(options.now);
  }

  multivariant(channel: string): Answer {
    const window = this.#options.channels.window(channel);
    if (window === null) return notYet();
    const shown = { window, name: 'multivariant', type: HLS, cache: 'live-manifest' } as const;
    return this.#manifest(shown, (now) => liveMultivariantPlaylist(window, now));
  }

  dash(channel: string): Answer {
    const window = this.#options.channels.window(channel);
    if (window === null) return notYet();
    const name = `dash ${dashPhase(window, this.#options.now())}`;
    const shown = { window, name, type: DASH, cache: 'live-manifest' } as const;
    return this.#manifest(shown, (now) => liveDashManifest(window, now));
  }

  /** @param query may hold delivery directives: the answer then waits for what is asked for, or is a delta update. */
  async mediaPlaylist(channel: string, id: string, query: string, signal: AbortSignal): Promise<Answer> {
    const window = this.#options.channels.window(channel);
    const rendition = window?.rendition(id) ?? null;
    if (window === null || rendition === null) return notYet();
    // Date ranges are few in a short playlist: it does not offer to skip them.
    const show = (skipping: Skipping, cache: CacheKind) => {
      const skip = skipping !== 'nothing';
      return this.#manifest({ window, name: `${id} ${skip}`, type: HLS, cache }, (now) =>
        liveMediaPlaylist(window, id, now, skip),
      );
    };
    // What cannot block or skip ignores the directives, and so does what has ended (§6.2.5.1, §6.2.5.2).
    if (partTarget(window) === null || window.closed(this.#options.now())) return show('nothing', 'live-manifest');
    return heldPlaylist({ window, rendition, query, signal, show });
  }

  async media(broadcastId: string, rendition: string, name: string, signal: AbortSignal): Promise<Answer> {
    const held = this.#options.channels.held(broadcastId, rendition, name);
    if (held.kind === 'absent') return notYet();
    if (held.kind === 'coming') {
      const there = await this.#await(held, rendition, signal);
      return there ? this.media(broadcastId, rendition, name, signal) : notYet();
    }
    const type = contentType(name, rendition.startsWith('audio') ? 'audio' : 'other');
    const facts = { type, cache: 'media', etag: `"${broadcastId}-${rendition}-${name}"` } as const;
    if (held.kind === 'bytes') return bytesAnswer(held.bytes, facts);
    if (held.kind === 'growing') {
      const { segment } = held;
      const idleMsMax = HELD_TARGET_DURATIONS * segment.run.segmentSec * 1000;
      return growingAnswer((gone) => segment.stream(gone, idleMsMax), facts);
    }
    const object = await this.#options.shield.read(`${broadcastId}/${rendition}/${held.within?.name ?? name}`);
    if (object === null) return notYet();
    return held.within === undefined
      ? objectAnswer(object, { type, cache: 'media' })
      : partOf(object, held.within, facts);
  }

  /**
   * The next part is waited for as a playlist is, and so is the next segment's first one: players of low-latency DASH ask for a
   * segment by the clock. A segment that comes whole is not waited for long. False: it has not come.
   */
  async #await({ window, position }: Extract<HeldMedia, { kind: 'coming' }>, rendition: string, signal: AbortSignal) {
    if (position.part === undefined && partTarget(window) === null) {
      return admitted(await window.waitFor(rendition, position, EARLY_WAIT_MS, signal)) === 'there';
    }
    const { number, part = 0 } = position;
    return (await holdFor(window, rendition, { number, part }, signal)) === 'there';
  }

  #manifest({ window, name, type, cache }: Shown, write: (now: number) => string | null): Answer {
    const content = this.#rendered.text(window, name, write);
    return content === null ? notYet() : manifestAnswer(content, { type, cache });
  }
}

/** A part of a segment that only the spool has. */
function partOf(
  object: ShieldedObject,
  { offset, size }: { readonly offset: number; readonly size: number },
  facts: { readonly type: string; readonly cache: 'media'; readonly etag: string },
): Answer {
  return object.kind === 'bytes' ? bytesAnswer(object.bytes.subarray(offset, offset + size), facts) : notYet();
}

function notYet(): Answer {
  return problemAnswer(404, 'Not Found', 'It is not there, or not yet.', 'not-yet', [['retry-after', '1']]);
}
