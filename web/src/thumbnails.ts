/** The pictures of a scrubber, as the box lists them in WebVTT. */
export interface ThumbnailList {
  /** In order. Seconds since the video's beginning; of a live channel, since 1970. */
  readonly cues: readonly Thumbnail[];
}

export interface Thumbnail {
  readonly start: number;
  /** Of the image that it is on, perhaps among others. */
  readonly url: string;
  /** Where on it, pixels: left, top, width and height. */
  readonly place: readonly [number, number, number, number];
}

const CUE = /^(?:(\d+):)?(\d\d):(\d\d\.\d{3}) --> .*\n([^\s#]+)#xywh=(\d+),(\d+),(\d+),(\d+)$/gm;
const ZERO = /^NOTE Time 0 is (\S+)/m;

const REFRESH_MS = 10_000;
const RETRY_MS = 30_000;

/** The newest list of pictures of what is played. */
export class Thumbnails {
  #list: ThumbnailList | null = null;
  #url = '';
  #askedAt = Number.NEGATIVE_INFINITY;

  /** Null where there is none, or not yet. */
  get list(): ThumbnailList | null {
    return this.#list;
  }

  /** Call it often: it asks at once for another address, else when there may be more; a list that does not grow, only once. */
  refresh(url: string, grows: boolean): void {
    const everyMs = this.#list === null ? RETRY_MS : grows ? REFRESH_MS : Number.POSITIVE_INFINITY;
    const due = url !== this.#url || performance.now() - this.#askedAt > everyMs;
    if (!due || document.hidden) return;
    this.#url = url;
    this.#askedAt = performance.now();
    this.#ask(url).catch(() => {});
  }

  async #ask(url: string): Promise<void> {
    const answer = await fetch(url);
    if (!answer.ok) return;
    const list = readThumbnails(await answer.text());
    if (url === this.#url) this.#list = list;
  }
}

function readThumbnails(text: string): ThumbnailList {
  const zero = Date.parse(ZERO.exec(text)?.[1] ?? '') / 1000 || 0;
  const cues = [...text.matchAll(CUE)].map(([, hours = '0', minutes, seconds, url = '', ...place]) => {
    const [left = 0, top = 0, width = 0, height = 0] = place.map(Number);
    const start = zero + Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
    return { start, url, place: [left, top, width, height] } as const;
  });
  return { cues };
}

export function thumbnailAt({ cues }: ThumbnailList, at: number): Thumbnail | null {
  return cues.findLast(({ start }) => start <= at) ?? cues[0] ?? null;
}
