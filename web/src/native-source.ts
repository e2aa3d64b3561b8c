import type { Source, SourceOptions, Stretch } from './source.js';

/** What Safari has on its video elements. */
interface DatedVideo {
  getStartDate?(): Date;
}

/** The browser's own HLS, where there are no Media Source Extensions (Safari on older iPhones). */
export function openNativeSource(options: SourceOptions, now: () => number): Source {
  const { video, url, live, at } = options;
  const zero = () => {
    if (!live) return 0;
    const date = (video as DatedVideo).getStartDate?.().getTime() ?? Number.NaN;
    if (!Number.isNaN(date)) return date / 1000;
    return seekableOf(video) === null ? null : now() / 1000 - (seekableOf(video)?.end ?? 0);
  };
  const shifted = (time: number, sign: 1 | -1) => {
    const from = zero();
    return from === null ? null : time + sign * from;
  };
  const begin = () => {
    const start = at === null ? null : shifted(at, -1);
    if (start !== null) video.currentTime = start;
  };
  const broken = () => options.onBroken();
  video.addEventListener('loadedmetadata', begin, { once: true });
  video.addEventListener('error', broken, { once: true });
  video.src = url;
  return {
    axisAt: (mediaTime) => shifted(mediaTime, 1),
    mediaTimeAt: (axis) => shifted(axis, -1),
    window: () => {
      const [seekable, from] = [seekableOf(video), zero()];
      return seekable === null || from === null ? null : { start: seekable.start + from, end: seekable.end + from };
    },
    hold: () => null,
    livePosition: () => seekableOf(video)?.end ?? null,
    over: () => live && video.ended,
    broadcastId: () => null,
    choose: () => {},
    bandwidth: () => null,
    close: () => {
      video.removeEventListener('loadedmetadata', begin);
      video.removeEventListener('error', broken);
      video.removeAttribute('src');
      video.load();
    },
  };
}

function seekableOf({ seekable }: HTMLVideoElement): Stretch | null {
  return seekable.length === 0 ? null : { start: seekable.start(0), end: seekable.end(seekable.length - 1) };
}
