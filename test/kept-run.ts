import HLS, { type types } from 'hls-parser';
import { wholeSegments } from './playlists.js';

HLS.setOptions({ strictMode: true });
const POLL_MS = 400;
/** Between the end of a segment and the beginning of the next, by the playlist's own clock: a picture at 15 a second. */
const APART_MS_MAX = 70;

export interface KeptSegment {
  readonly number: number;
  readonly uri: string;
  /** As the playlist has it. */
  readonly durationSec: number;
  /** Epoch ms. */
  readonly startMs: number;
  /** It does not follow from the one before. */
  readonly discontinuity: boolean;
  readonly discontinuitySequence: number;
  readonly initUri: string;
  readonly bytes: Buffer;
  /** The playlist itself says that it is not there (EXT-X-GAP); it has no bytes. */
  readonly gap: boolean;
}

export interface KeptRendition {
  /** By media sequence number, in the order in which they were announced. */
  readonly segments: Map<number, KeptSegment>;
  readonly inits: Map<string, Buffer>;
  /** Addresses of all that were ever listed as being there, also of those that were gone before they were fetched. */
  readonly announced: Set<string>;
  ended: boolean;
}

export interface KeptRunOptions {
  /** A request that fails is tried again at the next look, as is a playlist that has ended. Default: either is the end. */
  readonly patient?: boolean;
}

/**
 * Everything that a live channel's HLS was while it was followed: each playlist put before the strict parser when it is served,
 * each header and segment of each rendition fetched by its name.
 *
 * Lifetime: from `follow` until all playlists have ended, or `leave`; one that is patient, until `leave`.
 */
export class KeptRun {
  /** By the playlist's address. */
  readonly renditions = new Map<string, KeptRendition>();
  /** What no player should be given, in words. */
  readonly faults: string[] = [];
  /** How many different playlists the parser took. */
  accepted = 0;
  readonly done: Promise<void>;
  /** Looks that failed, since the channel was first there. */
  failed = 0;
  readonly #hlsUrl: string;
  readonly #patient: boolean;
  readonly #texts = new Map<string, string>();
  #gone = false;

  private constructor(hlsUrl: string, { patient = false }: KeptRunOptions) {
    this.#hlsUrl = hlsUrl;
    this.#patient = patient;
    this.done = this.#follow();
  }

  /** The channel need not be live yet. */
  static follow(hlsUrl: string, options: KeptRunOptions = {}): KeptRun {
    return new KeptRun(hlsUrl, options);
  }

  leave(): Promise<void> {
    this.#gone = true;
    return this.done;
  }

  /** All its playlists have ended, or a request failed. */
  get over(): boolean {
    if (this.#gone || this.#patient) return this.#gone;
    return this.renditions.size > 0 && [...this.renditions.values()].every(({ ended }) => ended);
  }

  async #follow(): Promise<void> {
    while (!this.over) {
      await this.#round().catch((error: unknown) => {
        this.#fail();
        if (this.#patient) return;
        this.faults.push(String(error));
        this.#gone = true;
      });
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async #round(): Promise<void> {
    const master = (await this.#playlist(this.#hlsUrl)) as types.MasterPlaylist | null;
    if (master !== null) await Promise.all(addresses(master, this.#hlsUrl).map((url) => this.#look(url)));
  }

  #fail(): void {
    if (this.renditions.size > 0) this.failed += 1;
  }

  async #playlist(url: string): Promise<types.Playlist | null> {
    const answer = await fetch(url);
    const text = await answer.text();
    if (!answer.ok) {
      if (this.#patient) this.#fail();
      else if (this.renditions.size > 0) this.faults.push(`${url} answered ${answer.status}`);
      return null;
    }
    try {
      const playlist = HLS.parse(text);
      if (this.#texts.get(url) !== text) this.accepted += 1;
      this.#texts.set(url, text);
      return playlist;
    } catch (error) {
      this.faults.push(`${url}: ${error}\n${text}`);
      return null;
    }
  }

  async #look(url: string): Promise<void> {
    const playlist = (await this.#playlist(url)) as types.MediaPlaylist | null;
    if (playlist === null) return;
    let rendition = this.renditions.get(url);
    if (rendition === undefined) {
      rendition = { segments: new Map(), inits: new Map(), announced: new Set(), ended: false };
      this.renditions.set(url, rendition);
    }
    for (const { uri, gap } of wholeSegments(playlist)) if (!gap) rendition.announced.add(uri);
    for (const segment of wholeSegments(playlist)) await this.#take(segment, rendition, playlist, url);
    rendition.ended = playlist.endlist;
  }

  async #take(
    segment: types.Segment,
    { segments, inits }: KeptRendition,
    { targetDuration }: types.MediaPlaylist,
    url: string,
  ): Promise<void> {
    const { mediaSequenceNumber: number, uri, duration, programDateTime, gap = false } = segment;
    const where = `${url} ${number}`;
    const known = segments.get(number);
    if (known !== undefined) {
      if (known.uri !== uri || known.durationSec !== duration) this.faults.push(`${where} was ${known.uri}, is ${uri}`);
      return;
    }
    const newest = [...segments.values()].at(-1);
    // Where the one before has left the list, the sequence number alone tells of it.
    const { discontinuitySequence } = segment;
    const discontinuity =
      segment.discontinuity === true ||
      (newest !== undefined && newest.discontinuitySequence !== discontinuitySequence);
    if (newest !== undefined && number !== newest.number + 1) this.faults.push(`${where} follows ${newest.number}`);
    if (Math.round(duration) > targetDuration) this.faults.push(`${where} lasts ${duration} s, over ${targetDuration}`);
    const initUri = segment.map?.uri ?? '';
    if (!gap && !inits.has(initUri)) inits.set(initUri, await bytesAt(initUri, url));
    const bytes = gap ? Buffer.alloc(0) : await bytesAt(uri, url);
    const startMs = programDateTime?.getTime() ?? Number.NaN;
    const apartMs = newest === undefined ? 0 : startMs - newest.startMs - newest.durationSec * 1000;
    if (!discontinuity && !(Math.abs(apartMs) < APART_MS_MAX)) {
      this.faults.push(`${where} is ${apartMs} ms off\n${this.#texts.get(url)}`);
    }
    const facts = {
      number,
      uri,
      durationSec: duration,
      startMs,
      discontinuity,
      discontinuitySequence,
      initUri,
      bytes,
      gap,
    };
    segments.set(number, facts);
  }
}

function addresses(master: types.MasterPlaylist, base: string): string[] {
  const sound = master.variants.flatMap(({ audio }) => audio.map(({ uri }) => uri ?? ''));
  const uris = new Set([...master.variants.map(({ uri }) => uri), ...sound]);
  return [...uris].map((uri) => new URL(uri, base).href);
}

async function bytesAt(uri: string, base: string): Promise<Buffer> {
  const answer = await fetch(new URL(uri, base));
  if (!answer.ok) throw new Error(`${uri} answered ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}
