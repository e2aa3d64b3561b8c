import { type Answer, bytesAnswer, createTextContent, manifestAnswer, problemAnswer } from '../answer.js';
import { contentType } from '../content-type.js';
import { initName, segmentName } from '../live-segment.js';
import type { LiveWindow } from '../live-window.js';
import { readWhole } from '../whole-answer.js';
import { cmafToTs } from './cmaf-to-ts.js';
import { TsConversions } from './ts-conversions.js';
import { tsMediaPlaylist, tsMultivariantPlaylist, tsName } from './ts-playlists.js';
import { findSlot, type TsSlot } from './ts-slots.js';

/** The windows of the channels that are shown. */
interface TsWindows {
  window(channel: string): LiveWindow | null;
  /** The one that knows segments of a broadcast. */
  windowOf(broadcastId: string): LiveWindow | null;
}

export interface TsAnswersOptions {
  readonly windows: TsWindows;
  /** Answers for CMAF headers and segments, from wherever they are kept. */
  readonly media: (broadcastId: string, rendition: string, name: string, signal: AbortSignal) => Promise<Answer>;
  readonly now: () => number;
  /** False: every address is answered with word that it is off. */
  readonly enabled: boolean;
}

const HLS = contentType('.m3u8');
const TS = contentType('.ts');

/**
 * Answers for the addresses of MPEG-TS: playlists from the windows; segments converted from CMAF when they are asked for, as long
 * as the window knows them.
 */
export class TsAnswers {
  readonly #options: TsAnswersOptions;
  readonly #conversions = new TsConversions();

  constructor(options: TsAnswersOptions) {
    this.#options = options;
  }

  multivariant(channel: string): Answer {
    return this.#playlist(channel, tsMultivariantPlaylist);
  }

  mediaPlaylist(channel: string, rendition: string): Answer {
    return this.#playlist(channel, (window) => tsMediaPlaylist(window, rendition, this.#options.now()));
  }

  /** Null for a name that is none of ours. */
  async segment(broadcastId: string, rendition: string, name: string): Promise<Answer | null> {
    const number = Number(/^(\d{1,12})\.ts$/.exec(name)?.[1] ?? Number.NaN);
    if (tsName(number) !== name) return null;
    if (!this.#options.enabled) return switchedOff();
    const key = `${broadcastId}-${rendition}-${name}`;
    const bytes = await this.#conversions.get(key, () => this.#convert(broadcastId, rendition, number));
    return bytes === null ? notYet() : bytesAnswer(bytes, { type: TS, cache: 'media', etag: `"${key}"` });
  }

  #playlist(channel: string, write: (window: LiveWindow) => string | null): Answer {
    if (!this.#options.enabled) return switchedOff();
    const window = this.#options.windows.window(channel);
    const text = window && write(window);
    return text === null ? notYet() : manifestAnswer(createTextContent(text), { type: HLS, cache: 'live-manifest' });
  }

  async #convert(broadcastId: string, rendition: string, number: number): Promise<Buffer | null> {
    const window = this.#options.windows.windowOf(broadcastId);
    const slot = window && findSlot(window, broadcastId, rendition, number);
    if (slot === null || slot.gap) return null;
    const tracks = await Promise.all(slot.tracks.map((track) => this.#pieces(slot, track)));
    const found = tracks.flatMap((track) => track ?? []);
    return found.length < tracks.length ? null : cmafToTs(found);
  }

  /** Null where something that belongs to the slot is gone. */
  async #pieces({ own: { run, number } }: TsSlot, { rendition, gap }: TsSlot['tracks'][number]) {
    const [init, segment] = await Promise.all([
      this.#read(run.broadcastId, rendition, initName(run.run)),
      gap ? null : this.#read(run.broadcastId, rendition, segmentName(number)),
    ]);
    if (init === null || (segment === null && !gap)) return null;
    return { init, segment };
  }

  /** The conversion is everybody's: it does not end with the one who asked first. */
  async #read(broadcastId: string, rendition: string, name: string): Promise<Buffer | null> {
    const answer = await this.#options.media(broadcastId, rendition, name, new AbortController().signal);
    return answer.status === 200 ? readWhole(answer) : null;
  }
}

function switchedOff(): Answer {
  return problemAnswer(404, 'Not Found', 'This box serves no MPEG-TS: its setting live.mpegTs is off.', 'absent');
}

function notYet(): Answer {
  return problemAnswer(404, 'Not Found', 'It is not there, or not yet.', 'not-yet', [['retry-after', '1']]);
}
