/** One quality that can be chosen; `level` -1 is automatic. */
export interface Quality {
  readonly level: number;
  readonly label: string;
}

/** A stretch of the axis that the scrubber shows: seconds since 1970 for a live channel, since the beginning for a video. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

export interface SourceOptions {
  readonly video: HTMLVideoElement;
  readonly url: string;
  readonly live: boolean;
  /** By parts, as near to the edge as the box allows. */
  readonly lowLatency: boolean;
  /** Where on the axis to begin; null: at the live edge, or at the beginning. */
  readonly at: number | null;
  /** Bits per second, as measured before; null: not known. */
  readonly bandwidth: number | null;
  onQualities(qualities: readonly Quality[]): void;
  /** The quality that is playing now, by height in pixels. */
  onHeight(height: number | null): void;
  /** It has ended itself: open another one. */
  onBroken(): void;
}

/** One address that a video element plays, until `close`. Media time is the element's `currentTime`. */
export interface Source {
  axisAt(mediaTime: number): number | null;
  mediaTimeAt(axis: number): number | null;
  /** What can be reached without another source. */
  window(): Stretch | null;
  /** How far behind the live edge it is to be played, and how far it is, seconds; null where that is not its affair. */
  hold(): { readonly target: number; readonly latency: number } | null;
  /** Media time of the place to be while live. */
  livePosition(): number | null;
  /** A live channel's broadcast is over: nothing comes after what is listed. */
  over(): boolean;
  /** The broadcast whose media it plays. */
  broadcastId(): string | null;
  choose(level: number): void;
  bandwidth(): number | null;
  close(): void;
}
