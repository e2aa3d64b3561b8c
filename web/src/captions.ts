/**
 * The captions of a video element: off until the viewer wants them, and then on whatever source plays. Lives as long as
 * the element.
 */
export class Captions {
  readonly #video: HTMLVideoElement;
  #on = false;
  #chosen = 0;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
    video.textTracks.addEventListener('addtrack', () => this.#apply());
  }

  get tracks(): readonly TextTrack[] {
    return [...this.#video.textTracks].filter(({ kind }) => kind === 'captions' || kind === 'subtitles');
  }

  get on(): boolean {
    return this.#on;
  }

  get chosen(): number {
    return this.#chosen;
  }

  choose(index: number | null): void {
    this.#on = index !== null;
    if (index !== null) this.#chosen = index;
    this.#apply();
  }

  #apply(): void {
    for (const [index, track] of this.tracks.entries()) {
      const mode = this.#on && index === Math.min(this.#chosen, this.tracks.length - 1) ? 'showing' : 'hidden';
      // A track that nobody wants to see stays as the player made it.
      if (this.#on || track.mode === 'showing') track.mode = mode;
    }
  }
}
