import type { DecoderConfig, TrackKind } from '../media/frame.js';
import type { AudioFacts, VideoFacts } from '../media/source-facts.js';
import { lengthPrefixed } from './annex-b.js';
import { parameterSetNals, readAvcConfig } from './avc-config.js';
import { readHevcConfig } from './hevc-config.js';
import { type SourceTracks, sameConfig, type Track } from './source-tracks.js';

/** What an open feed carries now: the configs of its last frames. */
export interface FeedTracks {
  video: Track | null;
  audio: Track | null;
}

/** Whether frames of a source may go on in a feed that is open. */
export type Fit =
  /** They may; these bytes go before the next picture that is a key (none: an empty buffer). */
  | { readonly kind: 'fits'; readonly beforeKey: Buffer | null }
  /** They need a feed of their own; until then, frames of these tracks can't go into the old one, and pictures as above. */
  | { readonly kind: 'outgrown'; readonly excluded: ReadonlySet<TrackKind>; readonly beforeKey: Buffer | null };

/**
 * A source that lacks the feed's sound may go on in it (a receiver fills in silence); one that lacks its picture, or brings a
 * track that the feed has not, may not. `exact`: pictures are passed on as they are, so their parameter sets must not change.
 */
export function fitOf(feed: FeedTracks, source: SourceTracks, exact: boolean): Fit {
  const video = source.track('video');
  const audio = source.track('audio');
  const excluded = new Set<TrackKind>();
  const beforeKey = video === null || feed.video === null ? null : bytesBeforeKey(feed.video, video, exact);
  if (feed.video === null ? video !== null : video === null || beforeKey === 'never') excluded.add('video');
  if (audio !== null && (feed.audio === null || !sameSound(feed.audio, audio))) excluded.add('audio');
  if (beforeKey === 'never') return { kind: 'outgrown', excluded, beforeKey: null };
  return excluded.size > 0 ? { kind: 'outgrown', excluded, beforeKey } : { kind: 'fits', beforeKey };
}

/** Null: the very same config is in effect. */
function bytesBeforeKey(before: Track, after: Track, exact: boolean): Buffer | null | 'never' {
  if (sameConfig(before.config, after.config)) return null;
  if (exact || before.facts.track !== 'video' || after.facts.track !== 'video') return 'never';
  if (!sameShape(before.facts.facts, after.facts.facts)) return 'never';
  return inBand(after.config);
}

/** What of a decoder config may stand before a key in the stream itself; `never` where that can't be said. */
function inBand({ codec, data }: DecoderConfig): Buffer | 'never' {
  if (codec === 'vp8' || codec === 'vp9') return NOTHING;
  if (codec === 'av1') return data.subarray(AV1_CONFIG_HEAD_BYTES);
  if (codec === 'hevc') {
    const hevc = readHevcConfig(data);
    return hevc === null ? 'never' : lengthPrefixed([...hevc.vps, ...hevc.sps, ...hevc.pps]);
  }
  const avc = codec === 'h264' ? readAvcConfig(data) : null;
  return avc === null ? 'never' : parameterSetNals(avc);
}

/** Every key of VP8 and VP9 says all that a decoder needs. */
const NOTHING = Buffer.alloc(0);
/** After these, av1C is OBUs (AV1 in ISOBMFF §2.3.3). */
const AV1_CONFIG_HEAD_BYTES = 4;

function sameShape(before: VideoFacts, after: VideoFacts): boolean {
  return (
    before.codec === after.codec &&
    before.width === after.width &&
    before.height === after.height &&
    before.sampleAspectRatio === after.sampleAspectRatio &&
    before.interlaced === after.interlaced &&
    before.hdr === after.hdr
  );
}

export function sameSound(before: Track, after: Track): boolean {
  if (sameConfig(before.config, after.config)) return true;
  if (before.facts.track !== 'audio' || after.facts.track !== 'audio') return false;
  if (!sameFormat(before.facts.facts, after.facts.facts)) return false;
  return before.config.codec !== 'aac' || sameCore(before.config.data, after.config.data);
}

function sameFormat(before: AudioFacts, after: AudioFacts): boolean {
  return before.codec === after.codec && before.sampleRate === after.sampleRate && before.channels === after.channels;
}

/**
 * AAC encoders may add after the core's configuration that there is no SBR; with the rates as played equal too, equal cores
 * (object type, rate, channels: the first two bytes, ISO/IEC 14496-3 §1.6.2.1) are one and the same sound.
 */
function sameCore(before: Buffer, after: Buffer): boolean {
  return before.length >= 2 && after.length >= 2 && before.readUInt16BE(0) === after.readUInt16BE(0);
}
