/**
 * The gates of an edge's doors, as the thread has them that owns its cache: its own, and what those of other threads go by. Lives as long as the edge.
 */
import type { ConnectionGate } from '../../http/server.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { connectionLimit } from './connection-limit.js';
import { GateMetrics } from './gate-metrics.js';
import { type GateOptions, type Gates, type GateTerms, gateTerms, makeGates } from './gates.js';
import { GatheredLines, tookLines } from './gathered-lines.js';
import { type Judge, judgesOf } from './network-rules.js';
import { QuickGates } from './quick-gates.js';

export interface OpenGates {
  readonly own: Gates;
  /** For a door of this thread alone; null: it takes the long way. */
  readonly quick: QuickGates | null;
  readonly terms: GateTerms;
  /** For the doors themselves; null: they take every connection. */
  readonly connections: ConnectionGate | null;
  readonly counts: GateMetrics;
  /** How much of the access log is on its way, from all threads. */
  readonly linesWaiting: SharedArrayBuffer;
  /** Lines of the access log have come, from any thread. */
  heard(lines: string): void;
  /** The rules for networks have changed, here and in `terms`. */
  onJudges(listener: (judges: readonly Judge[]) => void): void;
  close(): void;
}

export function openGates(options: GateOptions, now: () => number, metrics: Metrics): OpenGates {
  const { accessLog, limits, networks, trustedProxies = [] } = options;
  const terms = gateTerms(options);
  const counts = new GateMetrics(metrics);
  const linesWaiting = new SharedArrayBuffer(4);
  const heard = (said: string) => {
    tookLines(linesWaiting, said);
    if (accessLog && !accessLog.lines.write(said)) counts.lineLost(said.split('\n').length - 1);
  };
  const lines = new GatheredLines(linesWaiting, heard);
  const tools = { now, counts, lines };
  const listeners: ((judges: readonly Judge[]) => void)[] = [];
  const forget = networks?.onChange(() => {
    terms.networks.judges = judgesOf(networks.current);
    for (const listener of listeners) listener(terms.networks.judges);
  });
  return {
    own: makeGates(terms, tools),
    quick: QuickGates.open(terms, tools),
    terms,
    connections: connectionLimit({ connectionsMax: limits?.connectionsMax ?? null, trustedProxies }, counts),
    counts,
    linesWaiting,
    heard,
    onJudges: (listener) => {
      listeners.push(listener);
    },
    close: () => {
      forget?.();
      lines.flush();
    },
  };
}
