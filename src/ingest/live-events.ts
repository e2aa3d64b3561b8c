/** Told when a channel's broadcast has its first picture (or sound), and when it is over. */
export interface LiveEvents {
  broadcastStarted(event: BroadcastEvent): void;
  broadcastEnded(event: BroadcastEvent): void;
}

export interface BroadcastEvent {
  readonly channel: string;
  readonly broadcastId: string;
  /** Epoch ms. For the start: the wall clock of the timeline's zero. */
  readonly at: number;
}
