/**
 * Passes a request body on to an upstream and notices when the upstream stops taking it, or never answers its end.
 * The client may be as slow as its own door allows: only the upstream's turn is timed.
 *
 * Lives for one request; `settled` must be called when the head of the answer has come or the exchange has failed.
 */
export class UploadWatch {
  /** True once the client's side broke off, so that nobody blames the upstream. */
  sourceBroke = false;
  readonly #limits: { readonly bodyMs: number; readonly headMs: number };
  readonly #onStall: () => void;
  #timer: NodeJS.Timeout | undefined;
  #answered = false;

  constructor(limits: { readonly bodyMs: number; readonly headMs: number }, onStall: () => void) {
    this.#limits = limits;
    this.#onStall = onStall;
  }

  async *watched(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
    let handedOver = false;
    try {
      for await (const chunk of source) {
        // While the consumer holds this chunk, it is the upstream's turn.
        this.#arm(this.#limits.bodyMs);
        yield chunk;
        clearTimeout(this.#timer);
      }
      handedOver = true;
    } catch (error) {
      this.sourceBroke = true;
      throw error;
    } finally {
      clearTimeout(this.#timer);
      if (handedOver && !this.#answered) this.#arm(this.#limits.headMs);
    }
  }

  /** The head of the answer has come, or the exchange is over. */
  settled(): void {
    this.#answered = true;
    clearTimeout(this.#timer);
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onStall, ms);
  }
}
