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

/**
 * What of a channel its playlists show: `live`, the last segments; `dvr`, the time that viewers may go back; `start-over`, all of
 * the broadcast from its beginning; `ts`, the last segments as MPEG-TS.
 */
export type LiveShape = 'live' | 'dvr' | 'start-over' | 'ts';

const liveFolder = (channel: string, shape: LiveShape) =>
  shape === 'live' ? `/live/${channel}` : `/live/${channel}/${shape}`;

export const livePath = {
  hls: (channel: string, shape: LiveShape = 'live') => `${liveFolder(channel, shape)}/index.m3u8`,
  hlsRendition: (channel: string, rendition: string, shape: LiveShape = 'live') =>
    `${liveFolder(channel, shape)}/${rendition}.m3u8`,
  /** There is none of the shape `ts`. */
  dash: (channel: string, shape: LiveShape = 'live') => `${liveFolder(channel, shape)}/manifest.mpd`,
  /** WebVTT that names a picture for every few seconds; `dvr` and `start-over` have one. */
  thumbnails: (channel: string, shape: LiveShape) => `${liveFolder(channel, shape)}/thumbnails.vtt`,
};

export const vodPath = {
  hls: (videoId: string) => `/vod/${videoId}/index.m3u8`,
  hlsRendition: (videoId: string, rendition: string) => `/vod/${videoId}/${rendition}.m3u8`,
  dash: (videoId: string) => `/vod/${videoId}/manifest.mpd`,
  poster: (videoId: string) => `/vod/${videoId}/poster.jpg`,
  thumbnails: (videoId: string) => `/vod/${videoId}/thumbnails.vtt`,
};

/** The time of day, for players that follow a live DASH manifest. */
export const CLOCK_PATH = '/time';

export const watchPath = (channelOrVideoId: string): string => `/watch/${channelOrVideoId}`;

/** `owner` is a broadcastId (live, DVR, archive) or a videoId (VOD). */
export const mediaPath = (owner: string, rendition: string, name: string): string =>
  `/media/${owner}/${rendition}/${name}`;

/** All media of a broadcast or a video. */
export const mediaFolder = (owner: string): string => `/media/${owner}/`;

export type MediaAddress =
  | { readonly kind: 'live-hls'; readonly channel: string; readonly shape: LiveShape }
  | {
      readonly kind: 'live-hls-rendition';
      readonly channel: string;
      readonly shape: LiveShape;
      readonly rendition: string;
    }
  | { readonly kind: 'live-dash'; readonly channel: string; readonly shape: LiveShape }
  | { readonly kind: 'live-thumbnails'; readonly channel: string; readonly shape: LiveShape }
  | { readonly kind: 'vod-hls'; readonly videoId: string }
  | { readonly kind: 'vod-hls-rendition'; readonly videoId: string; readonly rendition: string }
  | { readonly kind: 'vod-dash'; readonly videoId: string }
  | { readonly kind: 'poster'; readonly videoId: string }
  | { readonly kind: 'vod-thumbnails'; readonly videoId: string }
  | { readonly kind: 'media'; readonly owner: string; readonly rendition: string; readonly name: string };

/** Reads a path (no query) back into what it names; null for anything that is not exactly one of ours. */
export function readMediaPath(path: string): MediaAddress | null {
  const [root, area, owner, third, fourth, ...rest] = path.split('/');
  if (root !== '' || owner === undefined || third === undefined || rest.length > 0) return null;
  if (area === 'media') return readMedia(owner, third, fourth);
  if (area === 'live') return CHANNEL_NAME.test(owner) ? readLive(owner, third, fourth) : null;
  if (fourth !== undefined) return null;
  if (area === 'vod' && VIDEO_ID.test(owner)) return readVod(owner, third);
  return null;
}

function readMedia(owner: string, rendition: string, name: string | undefined): MediaAddress | null {
  if (name === undefined || !(BROADCAST_ID.test(owner) || VIDEO_ID.test(owner))) return null;
  return RENDITION_ID.test(rendition) && OBJECT_NAME.test(name) ? { kind: 'media', owner, rendition, name } : null;
}

const SHAPES: readonly LiveShape[] = ['dvr', 'start-over', 'ts'];

function readLive(channel: string, third: string, fourth: string | undefined): MediaAddress | null {
  const shape = fourth === undefined ? 'live' : SHAPES.find((each) => each === third);
  if (shape === undefined) return null;
  const file = fourth ?? third;
  if (file === 'index.m3u8') return { kind: 'live-hls', channel, shape };
  if (file === 'manifest.mpd') return shape === 'ts' ? null : { kind: 'live-dash', channel, shape };
  if (file === 'thumbnails.vtt') {
    return shape === 'dvr' || shape === 'start-over' ? { kind: 'live-thumbnails', channel, shape } : null;
  }
  const rendition = playlistRendition(file);
  return rendition === null ? null : { kind: 'live-hls-rendition', channel, shape, rendition };
}

function readVod(videoId: string, file: string): MediaAddress | null {
  if (file === 'index.m3u8') return { kind: 'vod-hls', videoId };
  if (file === 'manifest.mpd') return { kind: 'vod-dash', videoId };
  if (file === 'poster.jpg') return { kind: 'poster', videoId };
  if (file === 'thumbnails.vtt') return { kind: 'vod-thumbnails', videoId };
  const rendition = playlistRendition(file);
  return rendition === null ? null : { kind: 'vod-hls-rendition', videoId, rendition };
}

function playlistRendition(file: string): string | null {
  const rendition = file.endsWith('.m3u8') ? file.slice(0, -'.m3u8'.length) : '';
  return RENDITION_ID.test(rendition) ? rendition : null;
}
