/** Which of what was told beside the media belongs to the stretch of time that a playlist lists. */
import type { DatedRange } from './hls/date-range.js';
import type { LiveSegment } from './live-segment.js';
import type { TimedEvents } from './timed-events.js';

/** A stretch of one broadcast's timeline, ms. */
export interface ToldSpan {
  readonly broadcastId: string;
  /** Wall clock of its timeline's zero, epoch ms. */
  readonly startedAt: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export type EventsOf = (broadcastId: string) => TimedEvents | null;

/** The broadcasts of these segments, in order; what is told of the last one's future belongs to it too. */
export function toldSpans(
  segments: readonly Pick<LiveSegment, 'run' | 'start' | 'duration' | 'timescale'>[],
): ToldSpan[] {
  const spans: ToldSpan[] = [];
  for (const { run, start, duration, timescale } of segments) {
    const fromMs = (start / timescale - run.timelineOffsetSec) * 1000;
    const toMs = fromMs + (duration / timescale) * 1000;
    const last = spans.at(-1);
    const { broadcastId, startedAt } = run;
    if (last?.broadcastId === broadcastId) spans[spans.length - 1] = { ...last, toMs };
    else spans.push({ broadcastId, startedAt, fromMs, toMs });
  }
  return spans.map((span, index) => (index === spans.length - 1 ? { ...span, toMs: Number.POSITIVE_INFINITY } : span));
}

export function datedRanges(spans: readonly ToldSpan[], eventsOf: EventsOf): DatedRange[] {
  return spans.flatMap(({ broadcastId, startedAt, fromMs, toMs }) => {
    const ranges = eventsOf(broadcastId)?.dateRangesWithin(fromMs, toMs) ?? [];
    return ranges.map((range) => ({ range, zeroAt: startedAt }));
  });
}
