/** Whether a source may be handed to viewers as it is. Pure. */
import type { VideoFacts } from '../../media/source-facts.js';
import type { SourceTrack } from '../feed/matroska-tracks.js';
import { readAacShape } from './aac-shape.js';
import { isPassable } from './cmaf-header.js';

export type PassVerdict = { readonly ok: true } | { readonly ok: false; readonly why: string };

/** Every segment begins with a key: with keys further apart, segments and the distance to live grow too long. */
const KEY_INTERVAL_MAX_MS = 4_000;
/** Keys are stamped in milliseconds, and a frame late now and then. */
const KEY_TOLERANCE_MS = 100;
/** Rungs below a passed picture keep its rate, and players' decoders end here. */
const FRAME_RATE_MAX = 61;

export function videoVerdict(
  facts: VideoFacts,
  track: SourceTrack | undefined,
  keyIntervalMs: number | null,
): PassVerdict {
  const no = (why: string): PassVerdict => ({ ok: false, why });
  if (track === undefined || !isPassable(track.codec)) return no(`its codec is ${facts.codec}`);
  if (keyIntervalMs === null) return no('its keys are not known to come regularly');
  if (keyIntervalMs > KEY_INTERVAL_MAX_MS + KEY_TOLERANCE_MS) {
    return no(`its keys are ${(keyIntervalMs / 1000).toFixed(1)} s apart: set the encoder's key interval to 2 s`);
  }
  if (facts.interlaced) return no('it is interlaced');
  if (facts.rotation !== 0) return no('it has to be turned');
  if (Math.abs(facts.sampleAspectRatio - 1) > 0.01) return no('its pixels are not square');
  if (facts.hdr || !isEightBit(track)) return no('it has more than 8 bits a sample');
  if ((facts.frameRate ?? 0) > FRAME_RATE_MAX) return no(`it has ${facts.frameRate} pictures a second`);
  return { ok: true };
}

export function canPassAudio(track: SourceTrack | undefined): boolean {
  return track?.codec === 'aac' && readAacShape(track.config) !== null;
}

/** Baseline, Main, Extended and High are 8-bit 4:2:0 (ITU-T H.264 annex A); HEVC's Main alone; AV1's Main without the flag. */
function isEightBit({ codec, config }: SourceTrack): boolean {
  if (codec === 'h264') return [66, 77, 88, 100].includes(config[1] ?? 0);
  if (codec === 'hevc') return ((config[1] ?? 0) & 0x1f) === 1;
  return (config[1] ?? 0xff) >> 5 === 0 && ((config[2] ?? 0xff) & 0x40) === 0;
}

/** The target duration, whole seconds, of segments that end at keys so far apart. */
export function targetDurationSec(keyIntervalMs: number, segmentSec: number): number {
  return Math.max(Math.ceil(segmentSec), Math.ceil((keyIntervalMs - KEY_TOLERANCE_MS) / 1000));
}
