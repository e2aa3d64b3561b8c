/** One run of a live broadcast: one receiver of its feed, whose fragments go to one `RunSink`. */
import type { FeedReceiver } from './feed/live-feed.js';
import type { FfmpegFailureCause } from './ffmpeg-failure.js';
import type { LivePace } from './live-pace.js';

export interface FeedRun extends FeedReceiver {
  /** Of its process; undefined where it has none. */
  readonly pid: number | undefined;
  readonly pace: LivePace;
  /** Never rejects. */
  readonly over: Promise<FeedRunEnd>;
  kill(): void;
}

export type FeedRunOutcome =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly cause: FfmpegFailureCause;
      /** One line for people. */
      readonly message: string;
      /** What its process said last; empty without one. */
      readonly stderr: string;
    };

export interface FeedRunEnd {
  readonly outcome: FeedRunOutcome;
  /** The feed's owner had ended it, so an end was due. */
  readonly feedEnded: boolean;
  /** Fragments given, all renditions together. */
  readonly bytes: number;
  readonly livedMs: number;
  /** Renditions whose sink was full at the end, or what a sink failed with; empty where all were well. */
  readonly sinkTrouble: string;
  /** Where on the timeline a run that makes the rest should begin, ms; null: wherever it can. */
  readonly resumeMs: number | null;
}
