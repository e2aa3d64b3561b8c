import type { Frame } from '../media/frame.js';
import type { CaptionChannels } from '../media/source-facts.js';
import { type CaptionChannel, captionData, channelsIn, channelsOf } from './captions.js';

/** A channel counts once it was written to so often: a damaged picture is no caption. */
const SEEN_MIN = 2;

/**
 * Watches a source's pictures for captions, which may begin at any time.
 *
 * Lifetime: one source. Holds a count for each of the ten channels that there can be.
 */
export class CaptionWatch {
  readonly #seen = new Map<CaptionChannel, number>();

  /** True where this picture makes one more channel known. */
  look(frame: Frame): boolean {
    if (frame.track !== 'video') return false;
    const constructs = captionData(frame);
    if (constructs === null) return false;
    let isNew = false;
    for (const channel of channelsIn(constructs)) {
      const times = (this.#seen.get(channel) ?? 0) + 1;
      if (times <= SEEN_MIN) this.#seen.set(channel, times);
      if (times === SEEN_MIN) isNew = true;
    }
    return isNew;
  }

  get channels(): CaptionChannels {
    return channelsOf([...this.#seen].flatMap(([channel, times]) => (times >= SEEN_MIN ? [channel] : [])));
  }
}
