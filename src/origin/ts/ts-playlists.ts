import { livePath, mediaPath } from '../../media/media-path.js';
import type { Rendition } from '../../media/rendition.js';
import { writeMediaPlaylist } from '../hls/media-playlist.js';
import { type AudioStream, type VideoStream, writeMultivariantPlaylist } from '../hls/multivariant-playlist.js';
import { newestCompleteRun, streamRate } from '../live-manifests.js';
import { dateOf, longestSegmentSec } from '../live-media-playlist.js';
import type { LiveRun } from '../live-segment.js';
import type { LiveWindow } from '../live-window.js';
import { datedRanges, toldSpans } from '../told-spans.js';
import { tsRate } from './ts-rate.js';
import { carriedCodecs, listedSlots, soundBeneath } from './ts-slots.js';

/** What old players know: fractions of seconds came with it, headers and byte ranges only later (RFC 8216 §7). */
const VERSION = 3;

export const tsName = (number: number): string => `${number}.ts`;

/**
 * The multivariant playlist of MPEG-TS: a stream of picture and sound together for each picture that can be carried, or the
 * sound alone where there is none. Null while the channel has nothing to show, or nothing that can be carried.
 */
export function tsMultivariantPlaylist(window: LiveWindow): string | null {
  const run = newestCompleteRun(window);
  if (run === null) return null;
  const video = run.renditions.flatMap((rendition) =>
    rendition.kind === 'video' ? (videoStream(window, run, rendition) ?? []) : [],
  );
  const sound = run.renditions.find((rendition) => rendition.kind === 'audio');
  const audio = video.length > 0 || sound === undefined ? null : soundStream(window, run, sound);
  if (video.length === 0 && audio === null) return null;
  const captions = window.timedEvents(run.broadcastId)?.captions ?? null;
  // Services of CEA-708 have names from version 7 on.
  return writeMultivariantPlaylist({
    ...{ video, audio, version: VERSION },
    captions: captions === null || captions.cea608.length === 0 ? null : { ...captions, cea708: [] },
  });
}

/** The media playlist of a rendition; null while it has no segment, or where it cannot be carried. `now` in epoch ms. */
export function tsMediaPlaylist(window: LiveWindow, rendition: string, now: number): string | null {
  const slots = listedSlots(window, rendition);
  const [first] = slots;
  if (first === undefined) return null;
  const spans = toldSpans(slots.map(({ own }) => own));
  return writeMediaPlaylist({
    mediaSequence: first.own.number,
    targetDurationSec: longestSegmentSec(window),
    type: 'window',
    ended: window.closed(now),
    version: VERSION,
    dateRanges: datedRanges(spans, (broadcastId) => window.timedEvents(broadcastId)),
    segments: slots.map(({ own, gap }) => ({
      uri: mediaPath(own.run.broadcastId, rendition, tsName(own.number)),
      durationSec: own.duration / own.timescale,
      initUri: null,
      discontinuity: own.run.place?.discontinuity ?? 0,
      programDateTime: dateOf(own),
      gap,
    })),
  });
}

function videoStream(
  window: LiveWindow,
  run: LiveRun,
  rendition: Extract<Rendition, { kind: 'video' }>,
): VideoStream | null {
  const codecs = carriedCodecs(run, rendition.id);
  const init = run.inits.get(rendition.id);
  if (codecs === null || init === undefined) return null;
  const sound = run.renditions.find(({ id }) => id === soundBeneath(run, rendition.id)) ?? null;
  const rates = [rendition, ...(sound === null ? [] : [sound])].map((each) => rateOf(window, each));
  const { width, height } = init;
  return {
    uri: livePath.hlsRendition(window.channel, rendition.id, 'ts'),
    codecs: sound === null ? codecs : `${codecs},${carriedCodecs(run, sound.id)}`,
    ...tsRate(rates, { segmentSec: run.segmentSec, frameRate: rendition.frameRate }),
    ...{ width, height, frameRate: rendition.frameRate, iframesUri: null },
  };
}

function soundStream(
  window: LiveWindow,
  run: LiveRun,
  rendition: Extract<Rendition, { kind: 'audio' }>,
): AudioStream | null {
  const codecs = carriedCodecs(run, rendition.id);
  if (codecs === null) return null;
  const rate = tsRate([rateOf(window, rendition)], { segmentSec: run.segmentSec, frameRate: 0 });
  const uri = livePath.hlsRendition(window.channel, rendition.id, 'ts');
  return { uri, codecs, ...rate, channels: rendition.channels };
}

function rateOf(window: LiveWindow, rendition: Rendition) {
  return streamRate(window.rendition(rendition.id), rendition);
}
