import type { Writable } from 'node:stream';
import type { SourceFacts } from '../media/source-facts.js';

/**
 * Where a broadcast's feeds go: the seam between ingest and transcode.
 *
 * A feed is a byte stream of live Matroska (one Segment of unknown size, Clusters of unknown size, SimpleBlocks, times
 * in milliseconds of the broadcast's timeline). A broadcast is one feed, or several in turn: the next one is opened, at
 * a keyframe and with its own header, when the receiver destroyed the last, when what is on air does not fit into it, or
 * after a silence. Within a feed, pictures may stand 1 ms apart: they only bring the decoder up to the newest one.
 */
export interface FeedSink {
  /** The writable may be destroyed by the receiver at any time. Its highWaterMark decides when the publisher is paused. */
  open(start: FeedStart): Writable;
  /** Everything that will come has come; called once, after the last feed's `end()`. */
  endBroadcast(broadcastId: string): void;
}

export interface FeedStart {
  readonly channel: string;
  readonly broadcastId: string;
  /** The ladder preset that the channel asks for; null: the box's own choice. */
  readonly preset: string | null;
  readonly facts: SourceFacts;
  /** Where the first frame of this feed stands on the broadcast's timeline, ms ≥ 0. */
  readonly startMs: number;
  /** Wall clock (epoch ms) of the timeline's zero. */
  readonly startedAt: number;
}
