import { LRUCache } from 'lru-cache';
import { type LiveShape, livePath } from '../../media/media-path.js';
import { type Answer, createTextContent, manifestAnswer, problemAnswer } from '../answer.js';
import { contentType } from '../content-type.js';
import type { LiveWindow } from '../live-window.js';
import { liveThumbnails } from '../thumbnails/thumbnail-slots.js';
import { writeThumbnails } from '../thumbnails/thumbnail-text.js';
import { recordedDashManifest } from './recorded-dash.js';
import { type RecordedView, recordedMediaPlaylist, recordedMultivariant } from './recorded-hls.js';
import { endOfRecording, firstNumberSince, spansFrom } from './recorded-span.js';
import type { Tape } from './recorder.js';
import type { SegmentTexts } from './segment-texts.js';

export interface RecordingAnswersOptions {
  /** A channel's window; null when it has nothing to show. */
  readonly window: (channel: string) => LiveWindow | null;
  readonly tape: (channel: string) => Tape | null;
  readonly texts: SegmentTexts;
  readonly now: () => number;
}

/** The shapes that show a channel's past. */
export type PastShape = Extract<LiveShape, 'dvr' | 'start-over'>;

/** What is shown, and what tells whether it still looks the same. */
interface Shown {
  readonly view: RecordedView;
  readonly tape: Tape;
  readonly dvrSec: number;
  readonly state: string;
}

const BYTES_MAX = 64 * 1024 * 1024;
const HLS = contentType('.m3u8');
const DASH = contentType('.mpd');
const VTT = contentType('.vtt');

/** Answers for DVR and start-over: written once for each state of the recording, and shared by all who ask. */
export class RecordingAnswers {
  readonly #options: RecordingAnswersOptions;
  readonly #written = new LRUCache<string, { readonly state: string; readonly answer: Answer; readonly size: number }>({
    maxSize: BYTES_MAX,
    sizeCalculation: ({ size }) => size,
  });

  constructor(options: RecordingAnswersOptions) {
    this.#options = options;
  }

  multivariant(channel: string, shape: PastShape): Answer {
    const uriOf = (rendition: string) => livePath.hlsRendition(channel, rendition, shape);
    return this.#answer(channel, shape, 'index', HLS, ({ view }) => recordedMultivariant(view, uriOf));
  }

  mediaPlaylist(channel: string, shape: PastShape, rendition: string): Answer {
    const { texts } = this.#options;
    const write = ({ view }: Shown) => recordedMediaPlaylist(view, rendition, texts);
    return this.#answer(channel, shape, `rendition ${rendition}`, HLS, write);
  }

  dash(channel: string, shape: PastShape): Answer {
    return this.#answer(channel, shape, 'dash', DASH, ({ view, tape, dvrSec }) => {
      const publishTime = this.#options.window(channel)?.lastSegmentAt ?? this.#options.now();
      const timeShiftBufferSec = shape === 'dvr' ? dvrSec : null;
      return recordedDashManifest(view, { zeroOfTime: tape.zeroOfTime, publishTime, timeShiftBufferSec });
    });
  }

  /** WebVTT: a picture for every few seconds; times count from the zero of the MPD's. */
  thumbnails(channel: string, shape: PastShape): Answer {
    return this.#answer(channel, shape, 'thumbnails', VTT, ({ view, tape }) =>
      writeThumbnails(liveThumbnails(view.spans, tape.zeroOfTime), tape.zeroOfTime),
    );
  }

  #answer(
    channel: string,
    shape: PastShape,
    what: string,
    type: string,
    write: (shown: Shown) => string | null,
  ): Answer {
    const shown = this.#shown(channel, shape);
    if (shown === null) return notYet();
    const key = `${channel} ${shape} ${what}`;
    const known = this.#written.get(key);
    if (known?.state === shown.state) return known.answer;
    const text = write(shown);
    if (text === null) return notYet();
    const answer = manifestAnswer(createTextContent(text), { type, cache: 'live-manifest' });
    this.#written.set(key, { state: shown.state, answer, size: text.length });
    return answer;
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
    const view: RecordedView = { spans: spansFrom(indexes, first), whole, state: ended ? 'ended' : 'live' };
    const versions = indexes.map(({ broadcastId, version }) => `${broadcastId}:${version}`).join();
    return { view, tape, dvrSec, state: `${versions} ${first} ${view.state}` };
  }
}

function notYet(): Answer {
  return problemAnswer(404, 'Not Found', 'It is not there, or not yet.', 'not-yet', [['retry-after', '1']]);
}
