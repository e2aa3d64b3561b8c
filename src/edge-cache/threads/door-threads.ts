/**
 * The threads that have doors, as their owner sees them: what each is started with and told, and what comes back from it. Lives as long as the edge.
 */
import type { HttpHandler } from '../../http/server.js';
import type { EdgeMetrics } from '../edge-metrics.js';
import type { Exchange } from '../exchange.js';
import { gateNames } from '../gates/gate-metrics.js';
import type { OpenGates } from '../gates/open-gates.js';
import type { DoorThreadStart, DoorThreadTold } from './door-messages.js';
import type { Lending } from './lending.js';
import { ThreadCounts } from './thread-counts.js';

/** How often it is looked up what the threads have counted. */
const lookMs = 100;

export interface DoorThreadsOptions {
  readonly lending: Lending;
  readonly addresses: DoorThreadStart['addresses'];
  /** Each thread has some of its own, which go by the same terms. */
  readonly gates: OpenGates;
  /** Answers what a thread's gates have let pass, and what it cannot answer itself. */
  readonly serve: (exchange: Exchange) => void | Promise<void>;
  readonly metrics: EdgeMetrics;
}

export class DoorThreads {
  /** Of what threads cannot answer themselves. */
  readonly handler: HttpHandler;
  readonly #options: DoorThreadsOptions;
  readonly #counts: ThreadCounts[] = [];
  readonly #tellers: ((message: DoorThreadTold) => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DoorThreadsOptions) {
    this.#options = options;
    const { gates, serve } = options;
    this.handler = (request, response) => serve({ request, response });
    gates.onJudges((judges) => {
      for (const tell of this.#tellers) tell({ kind: 'judges', judges });
    });
  }

  /** What one more thread is to be started with. */
  start(clock: DoorThreadStart['clock'] = null): DoorThreadStart {
    const counts = ThreadCounts.make();
    this.#counts.push(counts);
    const { lending, addresses, gates } = this.#options;
    const shared = { ...lending.places, counts: counts.shared, linesWaiting: gates.linesWaiting };
    return { ...shared, addresses, gates: gates.terms, clock };
  }

  /** Threads are there: `tell` reaches them. */
  begin(tell: (message: DoorThreadTold) => void): void {
    this.#timer ??= setInterval(() => this.count(), lookMs).unref();
    this.#tellers.push(tell);
    this.#options.lending.begin(tell);
  }

  /** Lines of the access log. */
  heard(what: unknown): void {
    this.#options.gates.heard(what as string);
  }

  /** What the threads have answered up to now. */
  count(): void {
    const { metrics, gates } = this.#options;
    for (const counts of this.#counts) {
      metrics.hitElsewhere(counts.taken('hits'), counts.taken('bytes'));
      metrics.refusedElsewhere(counts.taken('refused'));
      gates.counts.lineLost(counts.taken('linesLost'));
      for (const gate of gateNames) gates.counts.refused(gate, counts.taken(gate));
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.count();
  }
}
