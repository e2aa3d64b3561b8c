import type { StoredHead } from './cached-object.js';

/** That of an answer with nothing to say. */
export const head: StoredHead = {
  status: 200,
  headers: [],
  upstreamStatus: '',
  etag: null,
  lastModified: null,
  date: 0,
  freshness: {
    ...{ lifetimeMs: 1, initialAgeMs: 0, receivedAt: 0 },
    stale: { forbidden: true, whileRevalidateMs: 0, ifErrorMs: null },
  },
};
