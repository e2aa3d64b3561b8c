import type { SourceFacts } from '../media/source-facts.js';
import type { FeedMuxer } from './feed-muxer.js';
import type { IngestMetrics } from './ingest-metrics.js';
import type { Slate } from './slate.js';
import { SlateLoop, TrackLoop } from './slate-loop.js';
import type { SlateShelf } from './slate-shelf.js';

/** Silence stays this far behind the picture, so that sound that comes back finds its place free. */
const SILENCE_BEHIND_MS = 300;
/** The usual length of a block of sound. */
const SOUND_STEP_MS = 20;

/**
 * What stands in for publishers: the slate where nobody's pictures come, and its silence where pictures come without the
 * sound that the feed has.
 *
 * Lifetime: one broadcast. Nothing stands in before the first feed has said what shape the channel has.
 */
export class StandIn {
  readonly #options: StandInOptions;
  #facts: SourceFacts | null = null;
  #loop: SlateLoop | null = null;
  #shownSince = 0;
  #silence: TrackLoop | null = null;

  constructor(options: StandInOptions) {
    this.#options = options;
  }

  /** What publishers have sent last; a slate for it is made in advance. */
  learn(facts: SourceFacts): void {
    this.#facts = facts;
    this.#slate();
  }

  isReady(): boolean {
    return this.#loop !== null || this.#slate() !== null;
  }

  /** The slate goes on air, at `nowMs` of the timeline or at the first free place after it. */
  show(nowMs: number): void {
    const slate = this.#slate();
    if (slate === null) return;
    const { muxer, steadyClock } = this.#options;
    const startMs = Math.max(muxer.lastMs + 1, Math.round(nowMs));
    this.#shownSince = steadyClock();
    this.#loop = new SlateLoop(slate, startMs);
    muxer.use(slate.tracks, startMs);
  }

  hide(): void {
    if (this.#loop === null) return;
    const ms = this.#options.steadyClock() - this.#shownSince;
    this.#options.metrics.slateSeconds.inc(Math.max(0, ms) / 1000);
    this.#loop = null;
  }

  /** Sends what of the slate is due, if it is on air. */
  play(nowMs: number): void {
    this.#loop?.play(nowMs, (frame) => this.#options.muxer.frame(frame));
  }

  /** Players wait for sound that a playlist promises: where none comes, they get silence. */
  fillSilence(isMute: boolean): void {
    const { muxer } = this.#options;
    if (!isMute) {
      this.#silence = null;
      return;
    }
    const slate = this.#silence === null ? this.#slate() : null;
    if (slate?.audio && muxer.takesSound(slate.tracks)) {
      this.#silence = new TrackLoop(slate.audio, muxer.floorMs('audio') + SOUND_STEP_MS);
    }
    const untilMs = muxer.floorMs('video') - SILENCE_BEHIND_MS;
    while (this.#silence !== null && this.#silence.nextMs < untilMs) muxer.frame(this.#silence.take());
  }

  #slate(): Slate | null {
    const { slates } = this.#options;
    return slates === null || this.#facts === null ? null : slates.for(this.#facts);
  }
}

interface StandInOptions {
  readonly muxer: FeedMuxer;
  /** Null: nothing stands in. */
  readonly slates: SlateShelf | null;
  readonly metrics: IngestMetrics;
  /** Ms that never jump. */
  readonly steadyClock: () => number;
}
