import { LRUCache } from 'lru-cache';
import { type LiveShape, livePath } from '../../media/media-path.js';
import { type Answer, createTextContent, manifestAnswer, problemAnswer, type TextContent } from '../answer.js';
import type { CacheKind } from '../cache-policy.js';
import { contentType } from '../content-type.js';
import { heldPlaylist } from '../held-playlist.js';
import type { Skipping } from '../hls/delivery-directives.js';
import { liveEdgeOf } from '../live-media-playlist.js';
import type { LiveWindow } from '../live-window.js';
import { liveThumbnails } from '../thumbnails/thumbnail-slots.js';
import { writeThumbnails } from '../thumbnails/thumbnail-text.js';
import type { EventsOf } from '../told-spans.js';
import { recordedDashManifest } from './recorded-dash.js';
import { recordedMultivariant } from './recorded-hls.js';
import { recordedMediaPlaylist } from './recorded-media-playlist.js';
import { endOfRecording, firstNumberSince, type RecordedView, spansFrom } from './recorded-span.js';
import type { SegmentTexts } from './segment-texts.js';
import type { Tape } from './tapes.js';
import { ToldDates } from './told-dates.js';

export interface RecordingAnswersOptions {
  /** A channel's window; null when it has nothing to show. */
  readonly window: (channel: string) => LiveWindow | null;
  readonly tape: (channel: string) => Tape | null;
  readonly texts: SegmentTexts;
  /** What the source of a broadcast told beside its media. */
  readonly eventsOf: EventsOf;
  readonly now: () => number;
}

/** The shapes that show a channel's past. */
export type PastShape = Extract<LiveShape, 'dvr' | 'start-over'>;

/** A request for a media playlist. */
interface PlaylistRequest {
  readonly channel: string;
  readonly shape: PastShape;
  readonly rendition: string;
  readonly query: string;
  readonly signal: AbortSignal;
}

/** What is shown, and what tells whether it still looks the same. */
interface Shown {
  readonly view: RecordedView;
  readonly window: LiveWindow;
  readonly tape: Tape;
  readonly dvrSec: number;
  readonly state: string;
}

interface ManifestFacts {
  readonly channel: string;
  readonly shape: PastShape;
  /** Of the manifest among the channel's. */
  readonly what: string;
  readonly type: string;
  readonly cache?: CacheKind;
  /** It changes with each part. */
  readonly withParts?: boolean;
}

const BYTES_MAX = 64 * 1024 * 1024;
/** Channels and shapes of which it is known since when they tell what. */
const TOLD_MAX = 512;
const HLS = contentType('.m3u8');
const DASH = contentType('.mpd');
const VTT = contentType('.vtt');

/** Answers for DVR and start-over: written once for each state of the recording, and shared by all who ask. */
export class RecordingAnswers {
  readonly #options: RecordingAnswersOptions;
  readonly #written = new LRUCache<
    string,
    { readonly state: string; readonly content: TextContent; readonly size: number }
  >({
    maxSize: BYTES_MAX,
    sizeCalculation: ({ size }) => size,
  });

  readonly #told = new LRUCache<string, ToldDates>({ max: TOLD_MAX });

  constructor(options: RecordingAnswersOptions) {
    this.#options = options;
  }

  multivariant(channel: string, shape: PastShape): Answer {
    const uriOf = (rendition: string) => livePath.hlsRendition(channel, rendition, shape);
    return this.#answer({ channel, shape, what: 'index', type: HLS }, ({ view }) => recordedMultivariant(view, uriOf));
  }

  /** With the live edge of the window at its end, where parts are announced. */
  async mediaPlaylist({ channel, shape, rendition: id, query, signal }: PlaylistRequest): Promise<Answer> {
    const { texts, now } = this.#options;
    const show = (skip: Skipping, cache: CacheKind) => {
      const facts = { what: `rendition ${id} ${skip}`, type: HLS, cache, withParts: true };
      return this.#answer({ channel, shape, ...facts }, ({ view, window }) => {
        const told = { dates: this.#toldDates(channel, shape), now: now() };
        return recordedMediaPlaylist(view, id, texts, { skip, told, edge: liveEdgeOf(window, id) });
      });
    };
    // Nobody waits for what is not shown.
    const window = this.#shown(channel, shape)?.window ?? null;
    const rendition = window?.rendition(id) ?? null;
    // What has ended ignores all directives (§6.2.5.1, §6.2.5.2).
    if (window === null || rendition === null || window.closed(now())) return show('nothing', 'live-manifest');
    return heldPlaylist({ window, rendition, query, signal, show });
  }

  dash(channel: string, shape: PastShape): Answer {
    return this.#answer({ channel, shape, what: 'dash', type: DASH }, ({ view, tape, dvrSec }) => {
      const publishTime = this.#options.window(channel)?.lastSegmentAt ?? this.#options.now();
      const timeShiftBufferSec = shape === 'dvr' ? dvrSec : null;
      return recordedDashManifest(view, { zeroOfTime: tape.zeroOfTime, publishTime, timeShiftBufferSec });
    });
  }

  /** WebVTT: a picture for every few seconds; times count from the zero of the MPD's. */
  thumbnails(channel: string, shape: PastShape): Answer {
    return this.#answer({ channel, shape, what: 'thumbnails', type: VTT }, ({ view, tape }) =>
      writeThumbnails(liveThumbnails(view.spans, tape.zeroOfTime), tape.zeroOfTime),
    );
  }

  #answer(facts: ManifestFacts, write: (shown: Shown) => string | null): Answer {
    const { channel, shape, what, type, cache = 'live-manifest', withParts = false } = facts;
    const shown = this.#shown(channel, shape);
    if (shown === null) return notYet();
    const key = `${channel} ${shape} ${what}`;
    const known = this.#written.get(key);
    const state = withParts ? `${shown.state} ${shown.window.version}` : shown.state;
    if (known?.state === state) return manifestAnswer(known.content, { type, cache });
    const text = write(shown);
    if (text === null) return notYet();
    const content = createTextContent(text);
    this.#written.set(key, { state, content, size: text.length });
    return manifestAnswer(content, { type, cache });
  }

  #toldDates(channel: string, shape: PastShape): ToldDates {
    const key = `${channel} ${shape}`;
    const known = this.#told.get(key);
    if (known !== undefined) return known;
    const created = new ToldDates();
    this.#told.set(key, created);
    return created;
  }

  #shown(channel: string, shape: PastShape): Shown | null {
    const window = this.#options.window(channel);
    const tape = this.#options.tape(channel);
    const dvrSec = tape?.recordings.at(-1)?.policy?.dvrSec ?? 0;
    if (window === null || tape === null || dvrSec === 0) return null;
    const indexes = tape.recordings.map(({ index }) => index);
    const end = endOfRecording(indexes) ?? 0;
    const first = shape === 'dvr' ? firstNumberSince(indexes, end - dvrSec * 1000) : 0;
    const ended = window.closed(this.#options.now());
    const whole = shape === 'start-over' && !indexes.some(({ truncated }) => truncated);
    const { eventsOf } = this.#options;
    const view: RecordedView = { spans: spansFrom(indexes, first), whole, state: ended ? 'ended' : 'live', eventsOf };
    const versions = indexes.map(({ broadcastId, version }) => `${broadcastId}:${version}`).join();
    return { view, window, tape, dvrSec, state: `${versions} ${first} ${view.state}` };
  }
}

function notYet(): Answer {
  return problemAnswer(404, 'Not Found', 'It is not there, or not yet.', 'not-yet', [['retry-after', '1']]);
}
