import type { TrackKind } from '../media/frame.js';

/** What a source says of itself outside the decoder configs (RTMP's onMetaData). All of it is hearsay. */
export interface SourceMetadata {
  /** Frames per second. */
  readonly frameRate?: number;
  /** The tracks it promises: a missing one isn't waited for. */
  readonly tracks?: readonly TrackKind[];
}
