/** What one publisher may take of time and memory before and while it publishes. */
export interface WhipLimits {
  /** Sessions at once, those being opened included. */
  readonly sessionsMax: number;
  /** Of an offer or a fragment. */
  readonly bodyBytesMax: number;
  readonly bodyMs: number;
  /** From the answer until ICE and DTLS stand. */
  readonly connectMs: number;
  /** Without any media, once they stand. */
  readonly mediaMs: number;
}

export const DEFAULT_WHIP_LIMITS: WhipLimits = {
  sessionsMax: 50,
  bodyBytesMax: 64 * 1024,
  bodyMs: 10_000,
  connectMs: 15_000,
  mediaMs: 10_000,
};
