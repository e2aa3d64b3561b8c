/**
 * How fast a live run goes, from ffmpeg's reports over the last few seconds. ffmpeg's own figures are averages since its
 * start, and count a feed that begins late in a broadcast as a jump ahead.
 */
import type { FfmpegProgress } from './ffmpeg-process.js';

const SAMPLES_MAX = 12;

export class LivePace {
  #samples: { readonly at: number; readonly progress: FfmpegProgress }[] = [];

  /** `at`: any steady clock, ms. */
  add(at: number, progress: FfmpegProgress): void {
    this.#samples.push({ at, progress });
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
  }

  /** Media seconds made per second of wall time; null until there are two reports. About 1 on a healthy live run. */
  get speed(): number | null {
    return this.#rate((progress) => progress.outTimeMs / 1000);
  }

  /** Pictures per second of each rendition; null until there are two reports. */
  get fps(): number | null {
    return this.#rate((progress) => progress.frames);
  }

  #rate(of: (progress: FfmpegProgress) => number): number | null {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.at <= first.at) return null;
    return ((of(last.progress) - of(first.progress)) * 1000) / (last.at - first.at);
  }
}
