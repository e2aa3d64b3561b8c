import type { HttpServerOptions } from './server.js';

/** The limits of a server with the defaults filled in. */
export interface ServerLimits {
  readonly headTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly headBytesMax: number;
}

export function limitsOf(options: HttpServerOptions): ServerLimits {
  return {
    headTimeoutMs: options.headTimeoutMs ?? 10_000,
    idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
    headBytesMax: options.headBytesMax ?? 16_384,
  };
}
