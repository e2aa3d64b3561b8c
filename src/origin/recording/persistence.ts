import { messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Recording } from './recording.js';

export interface PersistenceOptions {
  readonly log: Log;
  /** The first pause after a failure. Default 1 s. */
  readonly pauseMs?: number | undefined;
}

const PAUSES_MAX = 30;

/** Tries what may fail until it is done. Lives until `close`, which gives up what is not. */
export class Persistence {
  readonly #options: PersistenceOptions;
  readonly #closing = new AbortController();

  constructor(options: PersistenceOptions) {
    this.#options = options;
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  close(): void {
    this.#closing.abort(new Error('the box stops'));
  }

  /** With longer and longer pauses; until this is closed or the recording has no more use. */
  async untilDone(recording: Recording, trouble: string, work: () => Promise<void>): Promise<void> {
    const { log, pauseMs = 1000 } = this.#options;
    for (let pauses = 0; !this.closed; pauses += 1) {
      try {
        return await work();
      } catch (error) {
        if (this.closed || recording.finished) return;
        const { broadcastId, index } = recording;
        const facts = { channel: index.channel, broadcast: broadcastId, error: messageOf(error) };
        log.warn({ ...facts, hint: 'It is tried again, also after a restart.' }, trouble);
        await this.#pause(pauseMs * Math.min(PAUSES_MAX, 2 ** pauses));
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      const { signal } = this.#closing;
      function done() {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
