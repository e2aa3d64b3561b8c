/**
 * The gates of an edge's doors, as the thread has them that owns its cache: its own, and what those of other threads go by. Lives as long as the edge.
 */
import type { ConnectionGate } from '../../http/server.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { AccessLines } from './access-log.js';
import { connectionLimit } from './connection-limit.js';
import { GateMetrics } from './gate-metrics.js';
import { type GateOptions, type Gates, type GateTerms, gateTerms, makeGates } from './gates.js';
import { type Judge, judgesOf } from './network-rules.js';

export interface OpenGates {
  readonly own: Gates;
  readonly terms: GateTerms;
  /** For the doors themselves; null: they take every connection. */
  readonly connections: ConnectionGate | null;
  readonly counts: GateMetrics;
  /** Where the access log goes. */
  readonly lines: AccessLines;
  /** The rules for networks have changed, here and in `terms`. */
  onJudges(listener: (judges: readonly Judge[]) => void): void;
  close(): void;
}

const nowhere: AccessLines = { write: () => true };

export function openGates(options: GateOptions, now: () => number, metrics: Metrics): OpenGates {
  const { accessLog, limits, networks, trustedProxies = [] } = options;
  const terms = gateTerms(options);
  const counts = new GateMetrics(metrics);
  const lines = accessLog?.lines ?? nowhere;
  const listeners: ((judges: readonly Judge[]) => void)[] = [];
  const forget = networks?.onChange(() => {
    terms.networks.judges = judgesOf(networks.current);
    for (const listener of listeners) listener(terms.networks.judges);
  });
  return {
    own: makeGates(terms, { now, counts, lines }),
    terms,
    connections: connectionLimit({ connectionsMax: limits?.connectionsMax ?? null, trustedProxies }, counts),
    counts,
    lines,
    onJudges: (listener) => {
      listeners.push(listener);
    },
    close: () => forget?.(),
  };
}
