/**
 * Holds one job's lease for as long as the job runs.
 *
 * Lifetime: constructed → renews every third of the ttl → `lost` fires once (the board said no, or could not be reached
 * for a whole ttl) or `release` ends it.
 */
import { messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import type { ClaimedJob, JobBoard } from './job-board.js';

export interface LeaseOptions {
  readonly board: Pick<JobBoard, 'renew'>;
  readonly job: Pick<ClaimedJob, 'jobId' | 'token'>;
  readonly ttlMs: number;
  readonly log: Log;
}

export class Lease {
  readonly #options: LeaseOptions;
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #renewedAt = performance.now();
  #asking = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#renew(), options.ttlMs / 3);
  }

  /** Fires when the job is no longer ours. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  release(): void {
    clearInterval(this.#timer);
  }

  async #renew(): Promise<void> {
    // Counted from the question, not the answer: the board's clock started no later than that.
    const askedAt = performance.now();
    if (askedAt - this.#renewedAt > this.#options.ttlMs) this.#lose('it could not be renewed in time');
    if (this.#asking || this.#lost.signal.aborted) return;
    this.#asking = true;
    try {
      const { jobId, token } = this.#options.job;
      if (await this.#options.board.renew(jobId, token)) this.#renewedAt = askedAt;
      else this.#lose('the board gave it to another');
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, 'the lease could not be renewed; asking again');
    } finally {
      this.#asking = false;
    }
  }

  #lose(reason: string): void {
    this.release();
    if (!this.#lost.signal.aborted) this.#options.log.warn({ reason }, 'the lease is lost');
    this.#lost.abort();
  }
}
