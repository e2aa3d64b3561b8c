/** What can go wrong in the ingest's own operation; expected outcomes (a bad key, a busy channel) are return values. */
export type IngestFailureCode =
  | 'ingest.address-in-use'
  | 'ingest.listen-failed'
  | 'ingest.bad-certificate'
  | 'ingest.feed-stalled'
  | 'ingest.authorization-slow';
