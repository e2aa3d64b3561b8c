import type { SourceFacts } from '../media/source-facts.js';
import { messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import { readSlate, type Slate, type SlateMaker } from './slate.js';

/** Shapes of source kept; a box rarely sees more than a few. */
const SHAPES_MAX = 8;
/** Shapes waiting to be made; beyond, the shape is asked for again at its next feed. */
const WAITING_MAX = 8;
/** What could not be made is not tried again sooner, ms. */
const RETRY_MS = 60_000;

interface Place {
  slate: Slate | null;
  /** Steady clock, ms; null while it is being made. */
  settledAt: number | null;
}

/**
 * The slates of a box, one for each shape of source, made in advance: nobody waits for one.
 *
 * Lifetime: as long as the box ingests. One is made at a time; the shape that was longest not asked for gives way.
 */
export class SlateShelf {
  readonly #maker: SlateMaker;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #places = new Map<string, Place>();
  #making: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** `now`: a steady clock, ms. */
  constructor(maker: SlateMaker, log: Log, now: () => number) {
    this.#maker = maker;
    this.#log = log;
    this.#now = now;
  }

  /** The slate for sources of this shape; null while it is being made, or could not be. Asking for it has it made. */
  for(facts: SourceFacts): Slate | null {
    const shape = shapeOf(facts);
    const place = this.#places.get(shape);
    if (place === undefined || this.#isDue(place)) {
      this.#make(shape, facts);
      return null;
    }
    this.#places.delete(shape);
    this.#places.set(shape, place);
    return place.slate;
  }

  #isDue({ slate, settledAt }: Place): boolean {
    return slate === null && settledAt !== null && this.#now() - settledAt > RETRY_MS;
  }

  #make(shape: string, facts: SourceFacts): void {
    if (this.#waiting >= WAITING_MAX) return;
    this.#waiting++;
    const place: Place = { slate: null, settledAt: null };
    this.#places.delete(shape);
    this.#places.set(shape, place);
    const [oldest] = this.#places.keys();
    if (this.#places.size > SHAPES_MAX && oldest !== undefined) this.#places.delete(oldest);
    this.#making = this.#making.then(async () => {
      place.slate = await this.#made(facts);
      place.settledAt = this.#now();
      this.#waiting--;
    });
  }

  async #made(facts: SourceFacts): Promise<Slate | null> {
    try {
      const bytes = await this.#maker.make(facts);
      const slate = bytes === null ? null : readSlate(bytes, facts);
      if (slate === null) this.#log.warn({ facts }, 'there is no slate for this source: viewers will see nothing new');
      return slate;
    } catch (error) {
      this.#log.error({ facts, reason: messageOf(error) }, 'a slate could not be made');
      return null;
    }
  }
}

/** What a slate depends on. */
function shapeOf({ video, audio }: SourceFacts): string {
  const picture = video && [video.width, video.height, video.frameRate, video.sampleAspectRatio];
  return JSON.stringify([picture, audio && [audio.codec === 'opus', audio.sampleRate, audio.channels]]);
}
