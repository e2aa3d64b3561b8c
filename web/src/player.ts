import Hls from 'hls.js';

/** One quality that can be chosen; `level` -1 is automatic. */
export interface Quality {
  readonly level: number;
  readonly label: string;
}

export interface PlayerEvents {
  onQualities(qualities: readonly Quality[]): void;
  /** The level that is playing now, by height in pixels. */
  onPlaying(height: number | null): void;
  /** Something that the player cannot get over by itself. */
  onTrouble(words: string | null): void;
}

export interface Player {
  choose(level: number): void;
  /** Seconds behind the live edge, or null when that is not known. */
  latency(): number | null;
  toLiveEdge(): void;
  close(): void;
}

const retryMs = 2000;

/** hls.js where Media Source Extensions are there, else the browser's own HLS (Safari on iPhone). */
export function openPlayer(video: HTMLVideoElement, url: string, events: PlayerEvents): Player {
  if (Hls.isSupported()) return openHls(video, url, events);
  video.src = url;
  if (!video.canPlayType('application/vnd.apple.mpegurl')) events.onTrouble('This browser cannot play HLS.');
  return {
    choose: () => {},
    latency: () => null,
    toLiveEdge: () => seekToEnd(video),
    close: () => video.removeAttribute('src'),
  };
}

function openHls(video: HTMLVideoElement, url: string, events: PlayerEvents): Player {
  const clock = boxClock();
  const hls = new Hls({ enableWorker: true, backBufferLength: 30, liveSyncDurationCount: 3 });
  let retry: ReturnType<typeof setTimeout> | undefined;
  hls.on(Hls.Events.MANIFEST_PARSED, () => events.onQualities(qualitiesOf(hls)));
  hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => {
    events.onTrouble(null);
    events.onPlaying(hls.levels[level]?.height ?? null);
  });
  hls.on(Hls.Events.ERROR, (_, { fatal, type }) => {
    if (!fatal) return;
    if (type === Hls.ErrorTypes.MEDIA_ERROR) return hls.recoverMediaError();
    // A broadcast that has not begun, or a box that restarts: wait for it.
    events.onTrouble('Waiting for the stream…');
    clearTimeout(retry);
    retry = setTimeout(() => hls.loadSource(url), retryMs);
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  return {
    choose: (level) => {
      hls.nextLevel = level;
    },
    latency: () => (hls.playingDate === null ? null : (clock() - hls.playingDate.getTime()) / 1000),
    toLiveEdge: () => {
      video.currentTime = hls.liveSyncPosition ?? video.currentTime;
    },
    close: () => {
      clearTimeout(retry);
      hls.destroy();
    },
  };
}

/** The box's clock, epoch ms: playlists carry its time, and the viewer's own clock may be off. */
function boxClock(): () => number {
  let aheadMs = 0;
  const askedAt = Date.now();
  fetch('/time')
    .then((answer) => answer.text())
    .then((text) => {
      const boxTime = Date.parse(text);
      if (!Number.isNaN(boxTime)) aheadMs = boxTime - (askedAt + Date.now()) / 2;
    })
    .catch(() => {});
  return () => Date.now() + aheadMs;
}

function qualitiesOf(hls: Hls): Quality[] {
  const heights = hls.levels.map(({ width, height, bitrate }, level) => ({
    level,
    label: height ? `${Math.min(width, height)}p` : `${Math.round(bitrate / 1000)} kb/s`,
    bitrate,
  }));
  return [{ level: -1, label: 'Auto' }, ...heights.sort((a, b) => b.bitrate - a.bitrate)];
}

function seekToEnd(video: HTMLVideoElement): void {
  if (video.seekable.length > 0) video.currentTime = video.seekable.end(video.seekable.length - 1);
}
