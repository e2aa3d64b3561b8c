import type { DecoderConfig, TrackKind } from '../media/frame.js';
import type { SourceFacts, VideoFacts } from '../media/source-facts.js';
import { parameterSetNals, readAvcConfig } from './avc-config.js';
import { type FactsVerdict, readTrackFacts, type TrackFacts } from './source-facts.js';

/** What a new decoder config means for the feed that is open. */
export type ConfigChange =
  | { readonly kind: 'first' }
  | { readonly kind: 'same' }
  /** The picture keeps its shape: these bytes before the next keyframe's own are enough. */
  | { readonly kind: 'in-band'; readonly parameterSets: Buffer }
  | { readonly kind: 'incompatible' };

/**
 * The tracks of one broadcast's source as their decoder configs describe them. A track is present from its first frame:
 * a config alone promises nothing.
 *
 * Lifetime: one broadcast.
 */
export class SourceTracks {
  readonly #tracks = new Map<TrackKind, { config: DecoderConfig; facts: TrackFacts }>();
  readonly #present = new Set<TrackKind>();
  #frameRate: number | null = null;

  /** Takes a config over; one that can't be read changes nothing. */
  configure(config: DecoderConfig): { verdict: FactsVerdict; change: ConfigChange } {
    const known = this.#tracks.get(config.track);
    if (known?.config.codec === config.codec && known.config.data.equals(config.data)) {
      return { verdict: { ok: true, facts: known.facts }, change: { kind: 'same' } };
    }
    const verdict = readTrackFacts(config);
    if (!verdict.ok) return { verdict, change: { kind: 'same' } };
    this.#tracks.set(config.track, { config, facts: verdict.facts });
    return {
      verdict,
      change: known === undefined ? { kind: 'first' } : changeBetween(known.facts, verdict.facts, config),
    };
  }

  has(track: TrackKind): boolean {
    return this.#tracks.has(track);
  }

  isPresent(track: TrackKind): boolean {
    return this.#present.has(track);
  }

  markPresent(track: TrackKind): void {
    this.#present.add(track);
  }

  /** Used where the video's own config doesn't say. */
  assumeFrameRate(frameRate: number | null): void {
    this.#frameRate = frameRate ?? this.#frameRate;
  }

  get needsFrameRate(): boolean {
    const video = this.#tracks.get('video')?.facts;
    return video?.track === 'video' && video.facts.frameRate === null && this.#frameRate === null;
  }

  /** The configs of the tracks that are present, video first. */
  get configs(): DecoderConfig[] {
    const order: TrackKind[] = ['video', 'audio'];
    return order.flatMap((kind) => {
      const track = this.#present.has(kind) ? this.#tracks.get(kind) : undefined;
      return track === undefined ? [] : [track.config];
    });
  }

  get facts(): SourceFacts {
    const video = this.#present.has('video') ? this.#tracks.get('video')?.facts : undefined;
    const audio = this.#present.has('audio') ? this.#tracks.get('audio')?.facts : undefined;
    return {
      video: video?.track === 'video' ? { ...video.facts, frameRate: video.facts.frameRate ?? this.#frameRate } : null,
      audio: audio?.track === 'audio' ? audio.facts : null,
    };
  }
}

function changeBetween(before: TrackFacts, after: TrackFacts, config: DecoderConfig): ConfigChange {
  if (before.track !== 'video' || after.track !== 'video' || !sameShape(before.facts, after.facts)) {
    return { kind: 'incompatible' };
  }
  const avc = config.codec === 'h264' ? readAvcConfig(config.data) : null;
  return avc === null ? { kind: 'incompatible' } : { kind: 'in-band', parameterSets: parameterSetNals(avc) };
}

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
