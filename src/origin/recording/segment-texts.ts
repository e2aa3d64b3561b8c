import { LRUCache } from 'lru-cache';
import { mediaPath } from '../../media/media-path.js';
import { segmentLines } from '../hls/media-playlist.js';
import { programDateTime } from '../hls/program-date-time.js';
import { segmentName } from '../live-segment.js';
import type { RecordedTrack } from './broadcast-index.js';
import { leadingTrack, type RecordedSpan, rowsOf, wallClock } from './recorded-span.js';

/** Segments whose lines are kept together. */
const BLOCK = 64;
const BYTES_MAX = 32 * 1024 * 1024;

/**
 * The lines that playlists have for recorded segments. A line never changes while its segment is there, so those of whole blocks
 * are written once for all playlists that list them, however often those are written anew.
 */
export class SegmentTexts {
  readonly #blocks = new LRUCache<string, string>({ maxSize: BYTES_MAX, sizeCalculation: (text) => text.length + 1 });

  /** The lines of a track's segments within a span, each ending in a line break. */
  text(span: RecordedSpan, track: RecordedTrack): string {
    const first = Math.max(span.first, track.segments.first);
    const end = Math.min(span.end, track.segments.next);
    let text = '';
    for (let from = first; from < end; ) {
      const to = Math.min(end, (Math.floor(from / BLOCK) + 1) * BLOCK);
      text += to - from === BLOCK ? this.#block(span, track, from) : linesOf(span, track, from, to);
      from = to;
    }
    return text;
  }

  #block(span: RecordedSpan, track: RecordedTrack, from: number): string {
    const { rendition, segments } = track;
    const key = `${span.index.broadcastId} ${rendition.id} ${from} ${segments.edits}`;
    const known = this.#blocks.get(key);
    if (known !== undefined) return known;
    const text = linesOf(span, track, from, from + BLOCK);
    this.#blocks.set(key, text);
    return text;
  }
}

/** The lines of a rendition that has nothing at all in a run, so that numbers go on. */
export function gapLines(span: RecordedSpan, rendition: string): string {
  const measure = leadingTrack(span.run);
  if (measure === null) return '';
  const nothing = { ...measure, rendition: { ...measure.rendition, id: rendition } };
  return linesOf(span, nothing, span.first, span.end, true);
}

function linesOf(
  { index, run }: RecordedSpan,
  track: RecordedTrack,
  first: number,
  end: number,
  empty = false,
): string {
  let text = '';
  for (const { number, start, duration, bytes } of rowsOf(track, first, end)) {
    const segment = {
      uri: mediaPath(index.broadcastId, track.rendition.id, segmentName(number)),
      durationSec: duration / track.facts.timescale,
      initUri: '',
      discontinuity: 0,
      programDateTime: programDateTime(wallClock(run, track, start), track.rendition.kind),
      gap: empty || bytes === 0,
    };
    // Behind itself: header and discontinuity are the run's, and are written before its first segment.
    text += `${segmentLines(segment, segment).join('\n')}\n`;
  }
  return text;
}
