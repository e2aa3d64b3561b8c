import { Failure } from '../telemetry/failure.js';

export type OriginFailureCode =
  | 'origin.bad-box'
  | 'origin.bad-init'
  | 'origin.bad-fragment'
  | 'origin.segment-too-big'
  | 'origin.segment-too-long'
  | 'origin.unknown-rendition'
  | 'origin.spool-full'
  | 'origin.spool-failed'
  | 'origin.busy';

export class OriginFailure extends Failure<OriginFailureCode> {}

const ENCODER_HINT =
  'The encoder wrote something that is no CMAF track; transcode restarts it. If it recurs, check the ffmpeg version with `headwater doctor`.';

/** A fragmented MP4 that breaks ISO/IEC 14496-12 or the limits we set on it. */
export function badMedia(code: 'origin.bad-box' | 'origin.bad-init' | 'origin.bad-fragment', message: string) {
  return new OriginFailure(code, message, { hint: ENCODER_HINT });
}
