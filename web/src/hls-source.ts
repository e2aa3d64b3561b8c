import Hls, { type HlsConfig, type LevelDetails } from 'hls.js';
import { partCaptions } from './part-captions.js';
import { promptSound } from './sound-loading.js';
import type { Quality, Source, SourceOptions } from './source.js';

/** A decoder that fails again within this time is not helped by trying once more. */
const RECOVERY_MS = 5000;

export const hlsIsSupported = (): boolean => Hls.isSupported();

/** An address played by hls.js. */
export function openHlsSource(options: SourceOptions): Source {
  const { video, url, live, at } = options;
  const hls = new Hls(configOf(options));
  let closed = false;
  hls.on(Hls.Events.MANIFEST_PARSED, () => {
    options.onQualities(qualitiesOf(hls));
    if (at !== null && live) startAt(hls, at).catch(() => closed || options.onBroken());
  });
  hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => options.onHeight(hls.levels[level]?.height ?? null));
  watchErrors(hls, options);
  hls.loadSource(url);
  hls.attachMedia(video);
  return {
    axisAt: (mediaTime) => (live ? dateAt(hls.latestLevelDetails, mediaTime) : mediaTime),
    mediaTimeAt: (axis) => (live ? timeAt(hls.latestLevelDetails, axis) : axis),
    window: () => (live ? listed(hls.latestLevelDetails) : { start: 0, end: video.duration || 0 }),
    hold: () => {
      const { targetLatency, latency, latestLevelDetails } = hls;
      return latestLevelDetails?.live && targetLatency !== null && latency > 0
        ? { target: targetLatency, latency }
        : null;
    },
    livePosition: () => hls.liveSyncPosition,
    over: () => live && hls.latestLevelDetails?.live === false,
    broadcastId: () =>
      /\/media\/(b_[a-z0-9]+)\//.exec(hls.latestLevelDetails?.fragments.at(-1)?.url ?? '')?.[1] ?? null,
    choose: (level) => {
      hls.nextLevel = level;
    },
    bandwidth: () => hls.bandwidthEstimate || null,
    close: () => {
      closed = true;
      hls.destroy();
    },
  };
}

function configOf({ live, lowLatency, at, bandwidth }: SourceOptions): Partial<HlsConfig> {
  return {
    enableWorker: true,
    timelineController: partCaptions,
    audioStreamController: promptSound,
    lowLatencyMode: lowLatency,
    // Enough to go back a little without asking again, not so much that hours of DVR fill the browser's memory.
    backBufferLength: live ? 30 : 90,
    maxBufferLength: 30,
    maxMaxBufferLength: 60,
    // The player holds the latency: hls.js would not below a second of buffer, where low latency lives.
    maxLiveSyncPlaybackRate: 1,
    liveSyncOnStallIncrease: 0.25,
    ...(bandwidth === null ? {} : { abrEwmaDefaultEstimate: bandwidth }),
    ...(at === null ? {} : live ? { autoStartLoad: false } : { startPosition: at }),
  };
}

/** hls.js counts media time from the first segment that it sees in the list. */
async function startAt(hls: Hls, date: number): Promise<void> {
  const answer = await fetch(hls.levels[0]?.url[0] ?? '');
  const first = Date.parse(/^#EXT-X-PROGRAM-DATE-TIME:(\S+)/m.exec(await answer.text())?.[1] ?? '') / 1000;
  hls.startLoad(Number.isNaN(first) ? -1 : Math.max(0, date - first));
}

function watchErrors(hls: Hls, { video, onBroken }: SourceOptions): void {
  let recoveredAt = Number.NEGATIVE_INFINITY;
  hls.on(Hls.Events.ERROR, (_, { fatal, type }) => {
    if (!fatal) return;
    const recovers = type === Hls.ErrorTypes.MEDIA_ERROR && performance.now() - recoveredAt > RECOVERY_MS;
    if (!recovers) return onBroken();
    recoveredAt = performance.now();
    const playing = !video.paused;
    hls.recoverMediaError();
    if (playing) video.play().catch(() => {});
  });
}

function listed(details: LevelDetails | null) {
  const first = details?.fragments[0];
  const start = first?.programDateTime;
  if (details === null || !first || !start) return null;
  const end = dateAt(details, details.edge);
  return end === null ? null : { start: start / 1000, end };
}

/** Seconds since 1970 of a media time, by the nearest segment that begins before it. */
function dateAt(details: LevelDetails | null, mediaTime: number): number | null {
  const fragments = details?.fragments ?? [];
  const fragment = fragments.findLast(({ start }) => start <= mediaTime) ?? fragments[0];
  if (!fragment?.programDateTime) return null;
  return fragment.programDateTime / 1000 + mediaTime - fragment.start;
}

function timeAt(details: LevelDetails | null, date: number): number | null {
  const fragments = details?.fragments ?? [];
  const fragment = fragments.findLast(({ programDateTime }) => (programDateTime ?? 0) / 1000 <= date) ?? fragments[0];
  if (!fragment?.programDateTime) return null;
  return Math.max(fragments[0]?.start ?? 0, fragment.start + date - fragment.programDateTime / 1000);
}

function qualitiesOf(hls: Hls): Quality[] {
  const heights = hls.levels.map(({ width, height, bitrate }, level) => ({
    level,
    label: height ? `${Math.min(width, height)}p` : `${Math.round(bitrate / 1000)} kb/s`,
    bitrate,
  }));
  return [{ level: -1, label: 'Auto' }, ...heights.sort((a, b) => b.bitrate - a.bitrate)];
}
