/** One reader's place in a body. Lives from `openReader` to `close`. */
export class BodyReader {
  readonly #hooks: { readonly moved: () => void; readonly left: () => void };
  #at: number;
  #wakeUp: (() => void) | null = null;
  #closed = false;

  constructor(from: number, hooks: { readonly moved: () => void; readonly left: () => void }) {
    this.#at = from;
    this.#hooks = hooks;
  }

  /** The next body byte that it wants. */
  get at(): number {
    return this.#at;
  }

  /** It has what lies before `offset`. */
  moveTo(offset: number): void {
    this.#at = offset;
    this.#hooks.moved();
  }

  /** Resolves when more has come, the phase has changed, or the reader was closed: look again. */
  change(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wakeUp = resolve;
    });
  }

  wake(): void {
    const wakeUp = this.#wakeUp;
    this.#wakeUp = null;
    wakeUp?.();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.wake();
    this.#hooks.left();
  }
}
