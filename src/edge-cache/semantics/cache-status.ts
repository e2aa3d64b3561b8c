/** What this cache did with a request, told in the Cache-Status field (RFC 9211). Pure. */
export interface CacheStatus {
  readonly hit?: boolean;
  /** Why the request went upstream (RFC 9211 §2.2). */
  readonly fwd?: 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'stale' | 'request' | 'partial';
  /** What the upstream answered. */
  readonly fwdStatus?: number;
  readonly stored?: boolean;
  readonly collapsed?: boolean;
  /** Seconds of freshness left; negative once stale. */
  readonly ttl?: number;
  /** A token of ours that says more. */
  readonly detail?: string;
}

/** One member, appended to what caches further up have said. */
export function writeCacheStatus(status: CacheStatus, upstream = ''): string {
  const parts = ['Headwater'];
  if (status.hit) parts.push('hit');
  if (status.fwd !== undefined) parts.push(`fwd=${status.fwd}`);
  if (status.fwdStatus !== undefined) parts.push(`fwd-status=${status.fwdStatus}`);
  if (status.stored) parts.push('stored');
  if (status.collapsed) parts.push('collapsed');
  if (status.ttl !== undefined) parts.push(`ttl=${status.ttl}`);
  if (status.detail !== undefined) parts.push(`detail=${status.detail}`);
  const own = parts.join('; ');
  return upstream === '' ? own : `${upstream}, ${own}`;
}
