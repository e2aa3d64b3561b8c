import type { TrackKind } from '../media/frame.js';

/** What a source says of itself outside the decoder configs (RTMP's onMetaData), or its connection says for it. All of it is hearsay. */
export interface SourceMetadata {
  /** Frames per second. */
  readonly frameRate?: number;
  /** The tracks it promises: a missing one isn't waited for. */
  readonly tracks?: readonly TrackKind[];
  /** How far apart its keys are at most, ms, where they are sent on demand and we are who asks. */
  readonly keyIntervalMs?: number;
}
