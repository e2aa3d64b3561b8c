/** The last picture of one source, over the video until the next source shows its first. */
export class StillCover {
  readonly #video: HTMLVideoElement;
  readonly #canvas: HTMLCanvasElement;
  #watching = 0;

  constructor(video: HTMLVideoElement, canvas: HTMLCanvasElement) {
    this.#video = video;
    this.#canvas = canvas;
  }

  /** Call before the source is taken away. */
  put(): void {
    const { videoWidth: width, videoHeight: height, readyState } = this.#video;
    // Without a picture of its own, what is on already stays.
    if (width > 0 && readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) {
      Object.assign(this.#canvas, { width, height });
      this.#canvas.getContext('2d')?.drawImage(this.#video, 0, 0, width, height);
      this.#canvas.hidden = false;
    }
  }

  /** Call once the next source is there. */
  liftOnPicture(): void {
    this.#watching += 1;
    const turn = this.#watching;
    const lift = () => {
      if (turn === this.#watching) this.#canvas.hidden = true;
    };
    if ('requestVideoFrameCallback' in this.#video) this.#video.requestVideoFrameCallback(lift);
    else (this.#video as HTMLVideoElement).addEventListener('playing', lift, { once: true });
  }
}
