/** What a recording's sources told beside its media, as its playlists need it. */
import type { CaptionChannels } from '../../media/source-facts.js';
import type { DatedRange } from '../hls/date-range.js';
import { datedRanges, type ToldSpan } from '../told-spans.js';
import type { RecordedRun } from './broadcast-index.js';
import { leadingTrack, type RecordedSpan, type RecordedView } from './recorded-span.js';

/** Of the time that is listed; while more may come, of what lies ahead too. */
export function recordedDateRanges({ spans, state, eventsOf }: RecordedView): DatedRange[] {
  const told: ToldSpan[] = [];
  for (const span of spans) {
    const stretch = toldSpan(span);
    const last = told.at(-1);
    if (stretch === null) continue;
    // Pauses within a broadcast belong to it.
    if (last?.broadcastId === stretch.broadcastId) told[told.length - 1] = { ...last, toMs: stretch.toMs };
    else told.push(stretch);
  }
  const last = told.at(-1);
  if (last !== undefined && state !== 'vod') told[told.length - 1] = { ...last, toMs: Number.POSITIVE_INFINITY };
  return datedRanges(told, eventsOf);
}

/** Of the broadcast that a run is of. Whether none will ever come is known once it is over. */
export function recordedCaptions(view: RecordedView, run: RecordedRun): CaptionChannels | 'none' | null {
  const span = view.spans.find((each) => each.run === run);
  const known = span && view.eventsOf(span.index.broadcastId)?.captions;
  return known ?? (view.state === 'live' ? null : 'none');
}

function toldSpan({ index, run, first, end }: RecordedSpan): ToldSpan | null {
  const track = leadingTrack(run);
  if (track === null) return null;
  const { segments, facts } = track;
  const [head, last] = [segments.at(Math.max(first, segments.first)), segments.at(Math.min(end, segments.next) - 1)];
  if (head === null || last === null) return null;
  const ms = (ticks: number) => (ticks / facts.timescale - run.timelineOffsetSec) * 1000;
  const { broadcastId } = index;
  return { broadcastId, startedAt: run.startedAt, fromMs: ms(head.start), toMs: ms(last.start + last.duration) };
}
