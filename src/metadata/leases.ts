import { messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import type { Entry } from './entries.js';
import { newEntry } from './new-entry.js';
import type { ProcessingJob } from './records.js';

/** The part of the catalog that a watch needs. */
export interface LeaseBoard {
  processingJobs(): Promise<readonly ProcessingJob[]>;
  append(entry: Entry<'job.expired'>): Promise<{ readonly applied: boolean }>;
}

export interface LeaseWatchOptions {
  readonly board: LeaseBoard;
  /** A lease that was not renewed for so long, as seen from here, is proposed to be over. Milliseconds. */
  readonly ttlMs: number;
  /** A monotonic clock, milliseconds; where it starts does not matter. */
  readonly now: () => number;
  readonly log: Log;
}

/**
 * Looks at the leases from time to time and proposes the end of those whose worker has gone quiet.
 *
 * Only this watch's own monotonic clock counts, from when it first saw a lease at its present renewal: clocks of other
 * boxes, and the time before a restart, prove nothing. Being wrong is harmless: apply accepts a proposal only if token and
 * renewal still match, and a worker that lost its lease can publish nothing. Between `start` and `close` it looks by itself.
 */
export class LeaseWatch {
  readonly #options: LeaseWatchOptions;
  readonly #seen = new Map<string, Sighting>();
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: LeaseWatchOptions) {
    this.#options = options;
  }

  /** Looks every `everyMs`; a look that is still going on is not overtaken. */
  start(everyMs: number): void {
    if (this.#timer !== null) return;
    let busy = false;
    this.#timer = setInterval(() => {
      if (busy) return;
      busy = true;
      this.#looking = this.look()
        .then(() => {})
        .catch((error: unknown) => this.#options.log.warn({ error: messageOf(error) }, 'leases could not be looked at'))
        .finally(() => {
          busy = false;
        });
    }, everyMs);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#looking;
  }

  /** One look: proposes what has expired, and returns how many proposals were accepted. */
  async look(): Promise<number> {
    const expired = this.observe(await this.#options.board.processingJobs());
    let accepted = 0;
    for (const { jobId, token, renewal, workerId } of expired) {
      const id = `expire-${jobId}-${token}-${renewal}`;
      const { applied } = await this.#options.board.append(newEntry('job.expired', { jobId, token, renewal }, { id }));
      if (!applied) continue;
      accepted += 1;
      this.#options.log.warn({ job: jobId, worker: workerId }, 'a job lost its worker');
    }
    return accepted;
  }

  /** Remembers the leases as they are now; returns those unchanged for the ttl or longer. */
  observe(leases: readonly ProcessingJob[]): readonly ProcessingJob[] {
    const now = this.#options.now();
    const held = new Set(leases.map(({ jobId }) => jobId));
    for (const jobId of this.#seen.keys()) if (!held.has(jobId)) this.#seen.delete(jobId);
    return leases.filter((lease) => this.#unchangedFor(lease, now) >= this.#options.ttlMs);
  }

  #unchangedFor({ jobId, token, renewal }: ProcessingJob, now: number): number {
    const seen = this.#seen.get(jobId);
    if (seen?.token === token && seen.renewal === renewal) return now - seen.since;
    this.#seen.set(jobId, { token, renewal, since: now });
    return 0;
  }
}

interface Sighting {
  readonly token: number;
  readonly renewal: number;
  readonly since: number;
}
