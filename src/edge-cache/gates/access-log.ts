/** Gate that refuses nothing: every request is written down once its answer is over. */
import { type Answered, accessLine } from './access-line.js';
import type { GateCounts } from './gate-metrics.js';
import type { Gate } from './visit.js';

/** Where lines go; it never waits and never throws. */
export interface AccessLines {
  /** One line, or several. False: there was no room for them. */
  write(lines: string): boolean;
}

export interface AccessLogTerms {
  /** The part of the requests that is written, 0 to 1. Answers of 500 and above are all written. */
  readonly sample: number;
  /** Networks in place of addresses: IPv4 /24, IPv6 /48. */
  readonly anonymize: boolean;
}

export interface AccessLogOptions extends AccessLogTerms {
  readonly lines: AccessLines;
}

export function accessLogGate(options: AccessLogOptions, now: () => number, metrics: GateCounts): Gate {
  const { lines, sample, anonymize } = options;
  return (visit) => {
    const { watched, client } = visit;
    const at = now();
    const began = performance.now();
    watched.onOver(() => {
      const { status, headers, bytes, cut } = watched;
      // By chance, so that what repeats is not always or never written.
      const isSampled = sample === 1 || Math.random() < sample;
      if (status < 500 && !isSampled) return;
      const durationMs = performance.now() - began;
      const { request } = visit;
      const answered: Answered = { request, client, at, durationMs, status, headers, bytes, cut };
      if (!lines.write(accessLine(answered, anonymize, status >= 500 ? 1 : sample))) metrics.lineLost();
    });
    return null;
  };
}
