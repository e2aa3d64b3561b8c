/** One line of a media playlist. */
interface PlaylistSegment {
  readonly uri: string;
  readonly durationSec: number;
  /** Of the header that decodes it (EXT-X-MAP). */
  readonly initUri: string;
  /** Which discontinuity it belongs to: the tag goes wherever this changes. */
  readonly discontinuity: number;
  /** Epoch ms, or null for recordings without a wall clock. */
  readonly programDateTime: number | null;
  readonly gap: boolean;
}

export interface MediaPlaylist {
  /** Media sequence number of the first segment. */
  readonly mediaSequence: number;
  /** Whole seconds; never changes within a broadcast (RFC 8216 §6.2.1). */
  readonly targetDurationSec: number;
  /** `window`: segments leave at the front. `vod`: complete and for ever. */
  readonly type: 'window' | 'vod';
  readonly ended: boolean;
  readonly segments: readonly PlaylistSegment[];
}

/** Writes a media playlist (RFC 8216bis §4.4.3, §4.4.4). Every segment begins with a key: EXT-X-INDEPENDENT-SEGMENTS. */
export function writeMediaPlaylist(playlist: MediaPlaylist): string {
  const { segments, mediaSequence } = playlist;
  const lines = ['#EXTM3U', `#EXT-X-VERSION:${segments.some((segment) => segment.gap) ? 8 : 7}`];
  lines.push('#EXT-X-INDEPENDENT-SEGMENTS', `#EXT-X-TARGETDURATION:${playlist.targetDurationSec}`);
  lines.push(`#EXT-X-MEDIA-SEQUENCE:${mediaSequence}`);
  if (playlist.type === 'vod') lines.push('#EXT-X-PLAYLIST-TYPE:VOD');
  else lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${segments[0]?.discontinuity ?? 0}`);
  segments.forEach((segment, index) => {
    lines.push(...segmentLines(segment, segments[index - 1] ?? null));
  });
  if (playlist.ended) lines.push('#EXT-X-ENDLIST');
  return `${lines.join('\n')}\n`;
}

function segmentLines(segment: PlaylistSegment, before: PlaylistSegment | null): string[] {
  const lines: string[] = [];
  if (before !== null && segment.discontinuity !== before.discontinuity) lines.push('#EXT-X-DISCONTINUITY');
  if (segment.initUri !== before?.initUri) lines.push(`#EXT-X-MAP:URI="${segment.initUri}"`);
  if (segment.programDateTime !== null) {
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(Math.round(segment.programDateTime)).toISOString()}`);
  }
  if (segment.gap) lines.push('#EXT-X-GAP');
  lines.push(`#EXTINF:${segment.durationSec.toFixed(5)},`, segment.uri);
  return lines;
}
