import { livePath } from '../media/media-path.js';
import type { Rendition } from '../media/rendition.js';
import { type AudioStream, type VideoStream, writeMultivariantPlaylist } from './hls/multivariant-playlist.js';
import type { LiveRun } from './live-segment.js';
import type { LiveWindow } from './live-window.js';
import type { RenditionWindow } from './rendition-window.js';

/** The multivariant playlist; null until one run has a segment of every rendition announced. */
export function liveMultivariantPlaylist(window: LiveWindow, now: number): string | null {
  const run = newestCompleteRun(window);
  if (run === null) return null;
  const video: VideoStream[] = [];
  let audio: AudioStream | null = null;
  for (const rendition of run.renditions) {
    const init = run.inits.get(rendition.id);
    if (init === undefined) return null;
    const uri = livePath.hlsRendition(window.channel, rendition.id);
    const common = { uri, codecs: init.codecs, ...streamRate(window.rendition(rendition.id), rendition) };
    if (rendition.kind === 'audio') audio = { ...common, channels: rendition.channels };
    else {
      const { width, height } = init;
      video.push({ ...common, width, height, frameRate: rendition.frameRate, iframesUri: null });
    }
  }
  // Whether captions never come is known only when all is over.
  const captions = window.timedEvents(run.broadcastId)?.captions ?? (window.closed(now) ? 'none' : null);
  return writeMultivariantPlaylist({ video, audio, captions });
}

/** Whether every rendition of some run in the window can be played. */
export function isShown(window: LiveWindow): boolean {
  return newestCompleteRun(window) !== null;
}

/** The newest run of which every rendition has something listed; manifests describe its renditions. */
export function newestCompleteRun(window: LiveWindow): LiveRun | null {
  return window.runs.findLast((run) => isComplete(window, run)) ?? null;
}

function isComplete(window: LiveWindow, run: LiveRun): boolean {
  return run.renditions.every(
    ({ id }) => window.rendition(id)?.listed.some((segment) => segment.run === run && !segment.gap) ?? false,
  );
}

/** What the encoder may spend at most, or what it did spend where that is more. */
export function streamRate(window: RenditionWindow | null, rendition: Rendition) {
  const measured = window?.rate ?? null;
  const ceiling = rendition.kind === 'video' ? rendition.maxBitrate : rendition.bitrate;
  const averageBandwidth = measured?.average ?? rendition.bitrate;
  return { bandwidth: Math.max(ceiling, measured?.peak ?? 0), averageBandwidth };
}
