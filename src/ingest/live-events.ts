/** Told when a channel's broadcast has its first picture (or sound), when it is over, and who is on air between. */
export interface LiveEvents {
  broadcastStarted(event: BroadcastEvent): void;
  broadcastEnded(event: BroadcastEvent): void;
  /** Another source is on air, or none. Not told for the broadcast's first one. */
  sourceChanged(event: SourceChange): void;
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
