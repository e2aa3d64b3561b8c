import HLS, { type types } from 'hls-parser';

HLS.setOptions({ strictMode: true });
const FULL_EVERY = 10;
const REFUSALS_MAX = 100;
const REFUSED_PAUSE_MS = 200;

interface Followed {
  readonly uri: string;
  readonly durationSec: number;
  readonly startMs: number;
  readonly discontinuity: boolean;
  readonly initUri: string;
}

/**
 * A low-latency client without a screen: blocking reloads, delta updates and hinted parts of one media playlist, as
 * draft-pantos-hls-rfc8216bis §6.3 asks of clients. All that it is told and given must fit together.
 *
 * Lifetime: from `follow` until the playlist has ended, or `leave`.
 */
export class PartFollower {
  /** What no player should be given, in words. */
  readonly faults: string[] = [];
  /** Whole segments whose parts were all fetched beforehand, and found to be the segment. */
  compared = 0;
  /** Playlists that left something out, and the parts that were asked for before they were there. */
  deltas = 0;
  hinted = 0;
  /** Reloads that were refused: nothing came for as long as the box holds a request. */
  refusals = 0;
  /** By media sequence number. */
  readonly segments = new Map<number, Followed>();
  /** All that were listed, by address. */
  readonly parts = new Map<string, Promise<Buffer | null>>();
  readonly done: Promise<void>;
  readonly #url: string;
  readonly #gone = new AbortController();
  /** Addresses of the parts of a segment, as listed. */
  readonly #partsOf = new Map<number, string[]>();
  readonly #checked = new Set<number>();

  private constructor(url: string) {
    this.#url = url;
    this.done = this.#follow().catch((error: unknown) => {
      if (!this.#gone.signal.aborted) this.faults.push(String(error));
    });
  }

  /** The playlist must be there. */
  static follow(mediaPlaylistUrl: string): PartFollower {
    return new PartFollower(mediaPlaylistUrl);
  }

  leave(): Promise<void> {
    this.#gone.abort();
    return this.done;
  }

  async #follow(): Promise<void> {
    let playlist = await this.#load('');
    for (let loads = 1; playlist !== null && !this.#gone.signal.aborted; loads += 1) {
      await this.#take(playlist, loads > 1);
      if (playlist.endlist) return;
      const { segment, part } = nextPosition(playlist);
      playlist = await this.#load(`?_HLS_msn=${segment}&_HLS_part=${part}&_HLS_skip=YES`);
      if (playlist !== null && !playlist.endlist) this.#expectReached(playlist, segment, part);
      if (loads % FULL_EVERY === 0) await this.#compareWithFull();
    }
  }

  /** Asks again where nothing came in time. Null: too often. */
  async #load(query: string): Promise<types.MediaPlaylist | null> {
    while (!this.#gone.signal.aborted) {
      const answer = await fetch(this.#url + query, { signal: this.#gone.signal });
      const text = await answer.text();
      if (answer.ok) return HLS.parse(text) as types.MediaPlaylist;
      this.refusals += 1;
      if (answer.status !== 503 || this.refusals > REFUSALS_MAX) {
        this.faults.push(`${this.#url}${query} answered ${answer.status}`);
        return null;
      }
      await new Promise((resolve) => setTimeout(resolve, REFUSED_PAUSE_MS));
    }
    return null;
  }

  #expectReached(playlist: types.MediaPlaylist, segment: number, part: number): void {
    const reached = nextPosition(playlist);
    if (reached.segment > segment || (reached.segment === segment && reached.part > part)) return;
    this.faults.push(`${this.#url}: asked for ${segment}.${part}, told up to ${reached.segment}.${reached.part}`);
  }

  async #take(playlist: types.MediaPlaylist, isUpdate: boolean): Promise<void> {
    const { skip = 0, mediaSequenceBase = 0, segments } = playlist;
    if (skip > 0) this.deltas += 1;
    if (skip > 0 && !isUpdate) this.faults.push(`${this.#url} left out what was not asked to be`);
    for (let number = mediaSequenceBase; number < mediaSequenceBase + skip; number += 1) {
      if (!this.segments.has(number)) this.faults.push(`${this.#url} left out ${number}, which nobody has seen`);
    }
    for (const segment of segments) this.#note(segment);
    for (const segment of segments) await this.#compareBytes(segment);
  }

  #note(segment: types.Segment): void {
    const { mediaSequenceNumber: number, uri, parts } = segment;
    for (const { hint, uri: part } of parts) {
      if (hint) this.hinted += 1;
      if (!this.parts.has(part)) this.parts.set(part, this.#bytesAt(part));
    }
    const listed = parts.filter(({ hint }) => !hint).map((part) => part.uri);
    const before = this.#partsOf.get(number) ?? [];
    if (listed.length > 0) {
      if (before.some((name, index) => listed[index] !== name)) {
        this.faults.push(`${this.#url} ${number}: parts ${before} became ${listed}`);
      }
      this.#partsOf.set(number, listed);
    }
    if (uri === '') return;
    const facts = factsOf(segment);
    const known = this.segments.get(number);
    if (known === undefined) this.segments.set(number, facts);
    else if (JSON.stringify(known) !== JSON.stringify(facts)) {
      this.faults.push(`${this.#url} ${number} was ${JSON.stringify(known)}, is ${JSON.stringify(facts)}`);
    }
  }

  /** A segment is exactly its parts, in order. */
  async #compareBytes({ mediaSequenceNumber: number, uri, parts }: types.Segment): Promise<void> {
    const names = this.#partsOf.get(number) ?? [];
    if (uri === '' || names.length === 0 || parts.length === 0 || this.#checked.has(number)) return;
    this.#checked.add(number);
    const pieces = await Promise.all(names.map((name) => this.parts.get(name) ?? null));
    const whole = await this.#bytesAt(uri);
    if (this.#gone.signal.aborted) return;
    const given = pieces.flatMap((piece) => piece ?? []);
    if (given.length < pieces.length || whole === null || !Buffer.concat(given).equals(whole)) {
      const sizes = pieces.map((piece) => piece?.length ?? 'missing');
      this.faults.push(`${this.#url} ${number}: ${whole?.length} bytes, in parts of ${sizes}`);
    } else this.compared += 1;
  }

  /** What was put together from deltas is what those are told who ask for all of it. */
  async #compareWithFull(): Promise<void> {
    const full = await this.#load('');
    if (full?.skip) this.faults.push(`${this.#url} left out what was not asked to be`);
    for (const segment of full?.segments ?? []) {
      const known = this.segments.get(segment.mediaSequenceNumber);
      const facts = factsOf(segment);
      if (segment.uri === '' || known === undefined) continue;
      if (JSON.stringify(known) !== JSON.stringify(facts)) {
        this.faults.push(`${this.#url}: in full ${JSON.stringify(facts)}, from updates ${JSON.stringify(known)}`);
      }
    }
  }

  async #bytesAt(uri: string): Promise<Buffer | null> {
    try {
      const answer = await fetch(new URL(uri, this.#url), { signal: this.#gone.signal });
      const bytes = Buffer.from(await answer.arrayBuffer());
      return answer.ok ? bytes : null;
    } catch {
      return null;
    }
  }
}

function factsOf({ uri, duration, programDateTime, discontinuity, map }: types.Segment): Followed {
  return {
    uri,
    durationSec: duration,
    startMs: programDateTime?.getTime() ?? Number.NaN,
    discontinuity: discontinuity ?? false,
    initUri: map?.uri ?? '',
  };
}

/** Of the first part that a playlist does not have. */
function nextPosition({ segments }: types.MediaPlaylist): { segment: number; part: number } {
  const last = segments.at(-1);
  const number = last?.mediaSequenceNumber ?? 0;
  // The parser takes parts that no segment follows yet for one more.
  if (last?.uri === '') return { segment: number, part: last.parts.filter(({ hint }) => !hint).length };
  return { segment: number + 1, part: 0 };
}
