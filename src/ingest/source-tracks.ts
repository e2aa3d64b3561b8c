import type { DecoderConfig, TrackKind } from '../media/frame.js';
import type { CaptionChannels, SourceFacts } from '../media/source-facts.js';
import { type FactsVerdict, readTrackFacts, type TrackFacts } from './source-facts.js';

/** One track as its decoder config describes it. */
export interface Track {
  readonly config: DecoderConfig;
  readonly facts: TrackFacts;
}

/** Distances of keys that count. */
const KEY_INTERVALS = 3;

/**
 * The tracks of one source as their decoder configs describe them. A track is present from its first frame: a config
 * alone promises nothing.
 *
 * Lifetime: one source.
 */
export class SourceTracks {
  readonly #tracks = new Map<TrackKind, Track>();
  readonly #present = new Set<TrackKind>();
  readonly #keyIntervals: number[] = [];
  #frameRate: number | null = null;
  #captions: CaptionChannels | null = null;

  /** Takes a config over; one that can't be read changes nothing. `changed`: it replaces another one. */
  configure(config: DecoderConfig): { verdict: FactsVerdict; changed: boolean } {
    const known = this.#tracks.get(config.track);
    if (known !== undefined && sameConfig(known.config, config)) {
      return { verdict: { ok: true, facts: known.facts }, changed: false };
    }
    const verdict = readTrackFacts(config);
    if (!verdict.ok) return { verdict, changed: false };
    this.#tracks.set(config.track, { config, facts: verdict.facts });
    return { verdict, changed: known !== undefined };
  }

  has(track: TrackKind): boolean {
    return this.#tracks.has(track);
  }

  /** The config, whether or not a frame of it has come. */
  configured(track: TrackKind): DecoderConfig | null {
    return this.#tracks.get(track)?.config ?? null;
  }

  isPresent(track: TrackKind): boolean {
    return this.#present.has(track);
  }

  markPresent(track: TrackKind): void {
    this.#present.add(track);
  }

  /** The track, once it is present. */
  track(kind: TrackKind): Track | null {
    return (this.#present.has(kind) ? this.#tracks.get(kind) : undefined) ?? null;
  }

  /** Used where the video's own config doesn't say. */
  assumeFrameRate(frameRate: number | null): void {
    this.#frameRate = frameRate ?? this.#frameRate;
  }

  get needsFrameRate(): boolean {
    const video = this.#tracks.get('video')?.facts;
    return video?.track === 'video' && video.facts.frameRate === null && this.#frameRate === null;
  }

  /** What its pictures have carried so far. */
  noteCaptions(captions: CaptionChannels): void {
    this.#captions = captions;
  }

  get captions(): CaptionChannels | null {
    return this.#captions;
  }

  /** Two keys stood this far apart, ms. */
  noteKeyInterval(ms: number): void {
    this.#keyIntervals.push(ms);
    if (this.#keyIntervals.length > KEY_INTERVALS) this.#keyIntervals.shift();
  }

  /** The longest of the last few, ms; null before the second key. */
  get keyIntervalMs(): number | null {
    return this.#keyIntervals.length === 0 ? null : Math.max(...this.#keyIntervals);
  }

  /** The configs of the tracks that are present, video first. */
  get configs(): DecoderConfig[] {
    const order: TrackKind[] = ['video', 'audio'];
    return order.flatMap((kind) => this.track(kind)?.config ?? []);
  }

  get facts(): SourceFacts {
    const video = this.track('video')?.facts;
    const audio = this.track('audio')?.facts;
    return {
      video:
        video?.track === 'video'
          ? {
              ...video.facts,
              frameRate: video.facts.frameRate ?? this.#frameRate,
              keyIntervalMs: this.keyIntervalMs,
              ...(this.#captions === null ? {} : { captions: this.#captions }),
            }
          : null,
      audio: audio?.track === 'audio' ? audio.facts : null,
    };
  }
}

export function sameConfig(one: DecoderConfig, other: DecoderConfig): boolean {
  return one.codec === other.codec && one.data.equals(other.data);
}
