/** Of the broadcast, seconds: with so much missed a player has something to go on with. */
const MISSED = 2;
/** How long it may have that and stand, ms: at first, and at most, since each time in vain it is given twice as long. */
const PATIENCE_MS = 4000;
const PATIENCE_MS_MAX = 60_000;
/** What moves for so long, ms, is well again. */
const WELL_MS = 3000;

/** Watches whether a picture that is to move does. */
export class StandWatch {
  #time = -1;
  #ms = 0;
  #movesMs = 0;
  #inVainMs = 0;
  #patienceMs = PATIENCE_MS;

  /** How long nothing has moved though it is to play. */
  get ms(): number {
    return this.#ms;
  }

  /** The player does not go on by itself, though there is something to go on with. */
  get isHopeless(): boolean {
    return this.#inVainMs >= this.#patienceMs;
  }

  /** Something was done about it, or in vain. */
  giveMoreTime(): void {
    this.#inVainMs = 0;
    this.#patienceMs = Math.min(2 * this.#patienceMs, PATIENCE_MS_MAX);
  }

  /** To be called every `everyMs`; `missed`: seconds that could be played and are overdue. */
  look(
    { currentTime, paused }: Pick<HTMLVideoElement, 'currentTime' | 'paused'>,
    missed: number,
    everyMs: number,
  ): void {
    const moves = currentTime !== this.#time;
    this.#time = currentTime;
    this.#ms = moves || paused ? 0 : this.#ms + everyMs;
    this.#inVainMs = this.#ms > 0 && missed > MISSED ? this.#inVainMs + everyMs : 0;
    this.#movesMs = moves ? this.#movesMs + everyMs : 0;
    if (this.#movesMs >= WELL_MS) this.#patienceMs = PATIENCE_MS;
  }
}
