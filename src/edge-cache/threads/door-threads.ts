/**
 * The threads that have doors, as their owner sees them: what each is started with and told, and what comes back from it. Lives as long as the edge.
 */
import type { HttpHandler } from '../../http/server.js';
import type { EdgeMetrics } from '../edge-metrics.js';
import type { AccessLines } from '../gates/access-log.js';
import { type GateMetrics, gateNames } from '../gates/gate-metrics.js';
import type { GateTerms } from '../gates/gates.js';
import type { Judge } from '../gates/network-rules.js';
import type { DoorThreadStart, DoorThreadTold } from './door-messages.js';
import type { Lending } from './lending.js';
import { ThreadCounts } from './thread-counts.js';
import { tookLines } from './thread-lines.js';

/** How often it is looked up what the threads have counted. */
const lookMs = 100;

export interface DoorThreadsOptions {
  readonly lending: Lending;
  readonly addresses: DoorThreadStart['addresses'];
  /** Each thread has gates of its own: what they let pass comes to `handler`. */
  readonly gates: GateTerms;
  readonly lines: AccessLines;
  readonly handler: HttpHandler;
  readonly metrics: EdgeMetrics;
  readonly gateMetrics: GateMetrics;
}

export class DoorThreads {
  /** Of what threads cannot answer themselves. */
  readonly handler: HttpHandler;
  readonly #options: DoorThreadsOptions;
  readonly #counts: ThreadCounts[] = [];
  readonly #linesWaiting = new SharedArrayBuffer(4);
  readonly #tellers: ((message: DoorThreadTold) => void)[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(options: DoorThreadsOptions) {
    this.#options = options;
    this.handler = options.handler;
    this.#timer = setInterval(() => this.count(), lookMs).unref();
  }

  /** What one more thread is to be started with. */
  start(clock: DoorThreadStart['clock'] = null): DoorThreadStart {
    const counts = ThreadCounts.make();
    this.#counts.push(counts);
    const { lending, addresses, gates } = this.#options;
    return { ...lending.places, counts: counts.shared, addresses, gates, linesWaiting: this.#linesWaiting, clock };
  }

  /** Threads are there: `tell` reaches them. */
  begin(tell: (message: DoorThreadTold) => void): void {
    this.#tellers.push(tell);
    this.#options.lending.begin(tell);
  }

  /** The rules for networks have changed. */
  judge(judges: readonly Judge[]): void {
    for (const tell of this.#tellers) tell({ kind: 'judges', judges });
  }

  /** Lines of the access log. */
  heard(what: unknown): void {
    const lines = what as string;
    tookLines(this.#linesWaiting, lines);
    if (!this.#options.lines.write(lines)) this.#options.gateMetrics.lineLost(lines.split('\n').length - 1);
  }

  /** What the threads have answered up to now. */
  count(): void {
    const { metrics, gateMetrics } = this.#options;
    for (const counts of this.#counts) {
      metrics.hitElsewhere(counts.taken('hits'), counts.taken('bytes'));
      metrics.refusedElsewhere(counts.taken('refused'));
      gateMetrics.lineLost(counts.taken('linesLost'));
      for (const gate of gateNames) gateMetrics.refused(gate, counts.taken(gate));
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.count();
  }
}
