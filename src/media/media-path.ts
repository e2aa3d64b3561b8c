/**
 * The only place that builds or reads addresses. Every address here is a path; whoever prints one puts a host before it.
 *
 * Names are for ever: a segment's address never has two contents (docs/architecture.md, "Names are for ever").
 */
export const CHANNEL_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
export const VIDEO_ID = /^v_[a-z0-9]{10,32}$/;
export const BROADCAST_ID = /^b_[a-z0-9]{10,32}$/;
const RENDITION_ID = /^[a-z0-9][a-z0-9-]{0,31}$/;
const OBJECT_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

export const livePath = {
  hls: (channel: string) => `/live/${channel}/index.m3u8`,
  hlsRendition: (channel: string, rendition: string) => `/live/${channel}/${rendition}.m3u8`,
  dash: (channel: string) => `/live/${channel}/manifest.mpd`,
};

export const vodPath = {
  hls: (videoId: string) => `/vod/${videoId}/index.m3u8`,
  hlsRendition: (videoId: string, rendition: string) => `/vod/${videoId}/${rendition}.m3u8`,
  dash: (videoId: string) => `/vod/${videoId}/manifest.mpd`,
  poster: (videoId: string) => `/vod/${videoId}/poster.jpg`,
};

/** The time of day, for players that follow a live DASH manifest. */
export const CLOCK_PATH = '/time';

export const watchPath = (channelOrVideoId: string): string => `/watch/${channelOrVideoId}`;

/** `owner` is a broadcastId (live, DVR, archive) or a videoId (VOD). */
export const mediaPath = (owner: string, rendition: string, name: string): string =>
  `/media/${owner}/${rendition}/${name}`;

export type MediaAddress =
  | { readonly kind: 'live-hls'; readonly channel: string }
  | { readonly kind: 'live-hls-rendition'; readonly channel: string; readonly rendition: string }
  | { readonly kind: 'live-dash'; readonly channel: string }
  | { readonly kind: 'vod-hls'; readonly videoId: string }
  | { readonly kind: 'vod-hls-rendition'; readonly videoId: string; readonly rendition: string }
  | { readonly kind: 'vod-dash'; readonly videoId: string }
  | { readonly kind: 'poster'; readonly videoId: string }
  | { readonly kind: 'media'; readonly owner: string; readonly rendition: string; readonly name: string };

/** Reads a path (no query) back into what it names; null for anything that is not exactly one of ours. */
export function readMediaPath(path: string): MediaAddress | null {
  const [root, area, owner, third, fourth, ...rest] = path.split('/');
  if (root !== '' || owner === undefined || third === undefined || rest.length > 0) return null;
  if (area === 'media') return readMedia(owner, third, fourth);
  if (fourth !== undefined) return null;
  if (area === 'live' && CHANNEL_NAME.test(owner)) return readLive(owner, third);
  if (area === 'vod' && VIDEO_ID.test(owner)) return readVod(owner, third);
  return null;
}

function readMedia(owner: string, rendition: string, name: string | undefined): MediaAddress | null {
  if (name === undefined || !(BROADCAST_ID.test(owner) || VIDEO_ID.test(owner))) return null;
  return RENDITION_ID.test(rendition) && OBJECT_NAME.test(name) ? { kind: 'media', owner, rendition, name } : null;
}

function readLive(channel: string, file: string): MediaAddress | null {
  if (file === 'index.m3u8') return { kind: 'live-hls', channel };
  if (file === 'manifest.mpd') return { kind: 'live-dash', channel };
  const rendition = playlistRendition(file);
  return rendition === null ? null : { kind: 'live-hls-rendition', channel, rendition };
}

function readVod(videoId: string, file: string): MediaAddress | null {
  if (file === 'index.m3u8') return { kind: 'vod-hls', videoId };
  if (file === 'manifest.mpd') return { kind: 'vod-dash', videoId };
  if (file === 'poster.jpg') return { kind: 'poster', videoId };
  const rendition = playlistRendition(file);
  return rendition === null ? null : { kind: 'vod-hls-rendition', videoId, rendition };
}

function playlistRendition(file: string): string | null {
  const rendition = file.endsWith('.m3u8') ? file.slice(0, -'.m3u8'.length) : '';
  return RENDITION_ID.test(rendition) ? rendition : null;
}
