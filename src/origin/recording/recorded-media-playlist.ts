import { mediaPath } from '../../media/media-path.js';
import type { AudioRendition, Rendition, VideoRendition } from '../../media/rendition.js';
import { dateRangeTags } from '../hls/date-range.js';
import type { Skipping } from '../hls/delivery-directives.js';
import { skipBoundarySec } from '../hls/low-latency-tags.js';
import type { PlaylistEdge } from '../hls/media-playlist.js';
import { type RecordedStretch, writeRecordedPlaylist } from '../hls/recorded-playlist.js';
import { initName } from '../live-segment.js';
import type { RecordedTrack } from './broadcast-index.js';
import { recordedDateRanges } from './recorded-events.js';
import { leadingTrack, type RecordedSpan, type RecordedView, trackFor } from './recorded-span.js';
import { gapLines, type SegmentTexts } from './segment-texts.js';
import type { ToldDates } from './told-dates.js';

export interface RecordedPlaylistOptions {
  /** A delta update, where there are segments to skip. */
  readonly skip?: Skipping;
  /** Needed for delta updates without the older date ranges. */
  readonly told?: { readonly dates: ToldDates; readonly now: number } | null;
  /** What the live window has at its end, from segment `from` on. */
  readonly edge?: (PlaylistEdge & { readonly from: number }) | null;
}

/** The numbers of one run that a rendition's playlist lists: `first` up to, but not with, `end`. */
interface Listed {
  readonly span: RecordedSpan;
  /** Null where the run has nothing like it. */
  readonly track: RecordedTrack | null;
  /** Whose times say how long it is. */
  readonly measure: RecordedTrack;
  readonly first: number;
  readonly end: number;
}

/** Null where there is no such rendition, or nothing of it yet. */
export function recordedMediaPlaylist(
  view: RecordedView,
  id: string,
  texts: SegmentTexts,
  { skip = 'nothing', edge = null, told = null }: RecordedPlaylistOptions = {},
): string | null {
  const wanted = renditionNamed(view, id);
  const listed = wanted === null ? [] : listedStretches(view, wanted);
  const [first] = listed;
  if (wanted === null || first === undefined || !listed.some(({ track }) => track !== null)) return null;
  const longest = view.spans.map(({ index, run }) => Math.max(Math.ceil(run.segmentSec), Math.round(index.longestSec)));
  const targetDurationSec = Math.max(...longest);
  const ended = view.state !== 'live';
  const boundarySec = skipBoundarySec(targetDurationSec);
  const skipped = skip !== 'nothing' && !ended ? skippable(listed, boundarySec) : 0;
  const dates = recordedDateRanges(view);
  const recent = told?.dates.note(dates, told.now, boundarySec) ?? null;
  const left = skipped > 0 && skip === 'segments and dates' ? recent : null;
  const behind = edge !== null && !ended && fits(listed, edge) ? edge : null;
  const shown = upTo(behind?.from ?? Number.POSITIVE_INFINITY, withoutFirst(skipped, listed));
  return writeRecordedPlaylist({
    ...{ mediaSequence: first.first, discontinuitySequence: first.span.run.place.discontinuity, targetDurationSec },
    type: view.state === 'vod' ? 'vod' : view.whole ? 'event' : 'window',
    ...{ ended, skipped, edge: behind },
    dateRangeTags: left?.tags ?? dates.flatMap(dateRangeTags),
    removedDates: left?.removed ?? null,
    discontinuous: skipped > 0 && listed.some((each) => each !== first && shown[0]?.first === each.first),
    stretches: shown.map((each) => stretchOf(each, wanted, texts)),
  });
}

/** While it is live, a rendition that the newest run no longer has must be left: its playlist would stand still. */
function renditionNamed({ spans, state }: RecordedView, id: string): VideoRendition | AudioRendition | null {
  const runs = state === 'live' ? spans.slice(-1) : spans;
  const named = runs.findLast(({ run }) => run.renditions.some((each) => each.id === id));
  return named?.run.renditions.find((each) => each.id === id) ?? null;
}

function listedStretches({ spans, state }: RecordedView, wanted: Rendition): Listed[] {
  const stretches: Listed[] = [];
  for (const [at, span] of spans.entries()) {
    const isOpen = state === 'live' && at === spans.length - 1;
    const track = isOpen ? (span.run.tracks.get(wanted.id) ?? null) : trackFor(span.run, wanted);
    // Not begun there yet.
    if (track === null && isOpen) break;
    // Else a run without any sound, or any picture.
    const measure = track ?? leadingTrack(span.run);
    if (measure === null) continue;
    const first = Math.max(span.first, measure.segments.first);
    const end = Math.min(span.end, measure.segments.next);
    if (first < end) stretches.push({ span, track, measure, first, end });
    // What comes later is listed once what comes before it is: the playlist only ever grows at its end.
    if (track !== null && state === 'live' && track.segments.next < span.end) break;
  }
  return stretches;
}

function stretchOf({ span, track, first, end }: Listed, wanted: Rendition, texts: SegmentTexts): RecordedStretch {
  const { run, index } = span;
  const { discontinuity } = run.place;
  const cut = { ...span, first, end };
  if (track === null) return { initUri: null, discontinuity, lines: gapLines(cut, wanted.id) };
  const initUri = mediaPath(index.broadcastId, track.rendition.id, initName(run.run));
  return { initUri, discontinuity, lines: texts.text(cut, track) };
}

/** How many segments are further from the end of the last one than the skip boundary. */
function skippable(listed: readonly Listed[], boundarySec: number): number {
  let behindSec = 0;
  let left = listed.reduce((sum, { first, end }) => sum + end - first, 0);
  for (const { measure, first, end } of [...listed].reverse()) {
    for (let number = end - 1; number >= first; number -= 1) {
      if (behindSec > boundarySec) return left;
      behindSec += (measure.segments.at(number)?.duration ?? 0) / measure.facts.timescale;
      left -= 1;
    }
  }
  return 0;
}

/** The window's end goes on from the recording's, with nothing between; it may know of gaps first. */
function fits(listed: readonly Listed[], { from, segments }: { from: number; segments: readonly unknown[] }): boolean {
  const end = listed.at(-1)?.end ?? Number.NaN;
  return from <= end && end <= from + segments.length;
}

function withoutFirst(count: number, listed: readonly Listed[]): Listed[] {
  let left = count;
  return listed.flatMap((each) => {
    const dropped = Math.min(left, each.end - each.first);
    left -= dropped;
    const first = each.first + dropped;
    return first < each.end ? [{ ...each, first }] : [];
  });
}

function upTo(number: number, listed: readonly Listed[]): Listed[] {
  return listed.flatMap((each) => (each.first < number ? [{ ...each, end: Math.min(each.end, number) }] : []));
}
