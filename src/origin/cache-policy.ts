/** What an answer is, as far as caches care. */
export type CacheKind =
  | 'media'
  | 'live-manifest'
  | 'blocking-manifest'
  | 'growing-manifest'
  | 'vod-manifest'
  | 'poster'
  | 'hashed-asset'
  | 'page'
  | 'clock'
  | 'not-yet'
  | 'absent'
  | 'trouble';

/**
 * The one table of Cache-Control. Seconds; `live-manifest` stays at half of a target duration of 2 s or more. Of one of 1 s (`live.segmentSec: 1`)
 * half is less than Cache-Control can say.
 */
const TABLE: Readonly<Record<CacheKind, string>> = {
  // A name never has two contents.
  media: 'public, max-age=31536000, immutable',
  // Also once it is over: the same address shows the channel's next broadcast.
  'live-manifest': 'public, max-age=1',
  // What was waited for is in it for good, so it answers the same address later as well; the draft's server profile asks for six
  // target durations, and this is that of the shortest one (1 s).
  'blocking-manifest': 'public, max-age=6',
  'growing-manifest': 'public, max-age=2',
  // A video may be deleted: this bounds how long its manifests outlive it in caches.
  'vod-manifest': 'public, max-age=10',
  poster: 'public, max-age=300',
  'hashed-asset': 'public, max-age=31536000, immutable',
  page: 'no-cache',
  clock: 'no-store',
  // Will be there in a moment: a channel that begins, a segment that is being cut.
  'not-yet': 'public, max-age=1',
  absent: 'public, max-age=5',
  trouble: 'no-store',
};

export function cacheControl(kind: CacheKind): string {
  return TABLE[kind];
}
