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

/** Null where there is none, or not yet. */
export async function fetchThumbnails(url: string): Promise<ThumbnailList | null> {
  const answer = await fetch(url).catch(() => null);
  return answer?.ok ? readThumbnails(await answer.text()) : null;
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
