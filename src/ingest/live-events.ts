import type { CaptionChannels } from '../media/source-facts.js';
import type { TimedMetadata } from '../media/timed-metadata.js';

/** Told when a channel's broadcast has its first picture (or sound), when it is over, and who is on air between. */
export interface LiveEvents {
  broadcastStarted(event: BroadcastEvent): void;
  broadcastEnded(event: BroadcastEvent): void;
  /** Another source is on air, or none. Not told for the broadcast's first one. */
  sourceChanged(event: SourceChange): void;
  /** The source on air tells something beside its pictures; told at once, for a moment that may be yet to come. */
  timedMetadata(event: TimedMetadataEvent): void;
  /** Captions were found in the pictures on air: all that the broadcast has had so far. */
  captionsFound(event: CaptionsFound): void;
}

export interface TimedMetadataEvent extends TimedMetadata {
  readonly channel: string;
  readonly broadcastId: string;
}

export interface CaptionsFound {
  readonly channel: string;
  readonly broadcastId: string;
  readonly captions: CaptionChannels;
}

export interface BroadcastEvent {
  readonly channel: string;
  readonly broadcastId: string;
  /** Epoch ms. For the start: the wall clock of the timeline's zero. */
  readonly at: number;
}

/** What viewers see: a publisher's pictures, the slate, or nothing new. */
export type OnAirName = 'primary' | 'backup' | 'slate' | 'nothing';

interface SourceChange extends BroadcastEvent {
  readonly from: OnAirName;
  readonly to: OnAirName;
}
