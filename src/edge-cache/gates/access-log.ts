/** Gate that refuses nothing: every request is written down once its answer is over. */
import type { HttpRequest } from '../../http/server.js';
import { firstField, joinedField } from '../semantics/header-fields.js';
import { type Answered, type AskedFor, accessLine, cacheOutcome } from './access-line.js';
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

export class AccessLog {
  readonly #options: AccessLogOptions;
  readonly #metrics: GateCounts;

  constructor(options: AccessLogOptions, metrics: GateCounts) {
    this.#options = options;
    this.#metrics = metrics;
  }

  /** Whether an answer is among those that are written: by chance, so that what repeats is not always or never. */
  takes(status: number): boolean {
    const { sample } = this.#options;
    return sample === 1 || status >= 500 || Math.random() < sample;
  }

  write(answered: Answered): void {
    const { lines, sample, anonymize } = this.#options;
    const line = accessLine(answered, anonymize, answered.status >= 500 ? 1 : sample);
    if (!lines.write(line)) this.#metrics.lineLost();
  }
}

export function accessLogGate(options: AccessLogOptions, now: () => number, metrics: GateCounts): Gate {
  const log = new AccessLog(options, metrics);
  return (visit) => {
    const { watched, client } = visit;
    const at = now();
    const began = performance.now();
    watched.onOver(() => {
      const { status, headers, bytes, cut } = watched;
      if (!log.takes(status)) return;
      const durationMs = performance.now() - began;
      const outcome = cacheOutcome(joinedField(headers, 'cache-status'));
      log.write({ asked: askedFor(visit.request), client, at, durationMs, status, outcome, bytes, cut });
    });
    return null;
  };
}

const askedFor = (request: HttpRequest): AskedFor => ({
  method: request.method,
  scheme: request.scheme,
  protocol: request.protocol,
  path: request.path,
  host: request.header('host'),
  range: request.header('range'),
  agent: request.header('user-agent'),
  referer: firstField(request.headers, 'referer') ?? undefined,
});
