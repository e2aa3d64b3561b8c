import { mediaPath, vodPath } from '../media/media-path.js';
import type { PackagedRendition } from '../media/packaged-rendition.js';
import { type DashTrack, writeManifest } from './dash/manifest.js';
import { writeMediaPlaylist } from './hls/media-playlist.js';
import { type AudioStream, type VideoStream, writeMultivariantPlaylist } from './hls/multivariant-playlist.js';
import type { VodEntry } from './vod-library.js';

const INIT_NAME = 'init.mp4';
const IFRAMES_NAME = 'iframes.m3u8';

/** Null while the video has nothing to play. */
export function vodMultivariantPlaylist({ videoId, renditions }: VodEntry): string | null {
  if (renditions.length === 0) return null;
  const video: VideoStream[] = [];
  let audio: AudioStream | null = null;
  for (const packaged of renditions) {
    const { rendition, codecs, bandwidth, averageBandwidth } = packaged;
    const common = { uri: vodPath.hlsRendition(videoId, rendition.id), codecs, bandwidth, averageBandwidth };
    if (rendition.kind === 'audio') audio = { ...common, channels: rendition.channels };
    else {
      const { width, height, frameRate } = rendition;
      video.push({ ...common, width, height, frameRate, iframesUri: mediaPath(videoId, rendition.id, IFRAMES_NAME) });
    }
  }
  return writeMultivariantPlaylist({ video, audio });
}

/** Null when the video has no such rendition. */
export function vodMediaPlaylist({ videoId, renditions }: VodEntry, id: string): string | null {
  const packaged = renditions.find(({ rendition }) => rendition.id === id);
  if (packaged === undefined || packaged.segments.length === 0) return null;
  return writeMediaPlaylist({
    mediaSequence: 1,
    // Every duration, rounded, is at most this (RFC 8216 §4.3.3.1).
    targetDurationSec: Math.max(1, Math.round(longestSec(packaged))),
    type: 'vod',
    ended: true,
    segments: packaged.segments.map(({ name, duration }) => ({
      uri: mediaPath(videoId, id, name),
      durationSec: duration / packaged.timescale,
      initUri: mediaPath(videoId, id, INIT_NAME),
      discontinuity: 0,
      programDateTime: null,
      gap: false,
    })),
  });
}

/** Null while the video has nothing to play. */
export function vodDashManifest({ videoId, renditions, durationSec }: VodEntry): string | null {
  const tracks = renditions.flatMap((packaged) => trackOf(videoId, packaged) ?? []);
  if (tracks.length === 0) return null;
  return writeManifest({
    live: null,
    durationSec: Math.max(durationSec, ...renditions.map(endSec)),
    maxSegmentSec: Math.max(...renditions.map(longestSec)),
    periods: [{ id: '0', startSec: 0, tracks }],
  });
}

function trackOf(videoId: string, packaged: PackagedRendition): DashTrack | null {
  const { rendition, codecs, bandwidth, timescale, segments } = packaged;
  const [first] = segments;
  if (first === undefined) return null;
  return {
    id: rendition.id,
    kind: rendition.kind,
    codecs,
    bandwidth,
    ...(rendition.kind === 'video'
      ? { width: rendition.width, height: rendition.height, frameRate: rendition.frameRate }
      : { sampleRate: rendition.sampleRate, channels: rendition.channels }),
    timescale,
    presentationTimeOffset: 0,
    startNumber: 1,
    initUri: mediaPath(videoId, rendition.id, INIT_NAME),
    mediaUri: mediaPath(videoId, rendition.id, '$Number$.m4s'),
    segments,
  };
}

function longestSec({ segments, timescale }: PackagedRendition): number {
  return segments.reduce((longest, { duration }) => Math.max(longest, duration / timescale), 0);
}

function endSec({ segments, timescale }: PackagedRendition): number {
  const last = segments.at(-1);
  return last === undefined ? 0 : (last.start + last.duration) / timescale;
}
