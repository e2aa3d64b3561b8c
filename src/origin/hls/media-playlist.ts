import { type DatedRange, dateRangeTags } from './date-range.js';
import {
  type PlaylistPart,
  partTag,
  preloadHint,
  type RenditionReport,
  renditionReport,
  serverControl,
  skipBoundarySec,
} from './low-latency-tags.js';

/** What stands before a segment or the first part of one. */
export interface SegmentHead {
  /** Of the header that decodes it (EXT-X-MAP); null where it needs none. */
  readonly initUri: string | null;
  /** Which discontinuity it belongs to: the tag goes wherever this changes. */
  readonly discontinuity: number;
  /** Whole epoch ms (see `programDateTime`), or null for recordings without a wall clock. */
  readonly programDateTime: number | null;
}

/** One line of a media playlist. */
export interface PlaylistSegment extends SegmentHead {
  readonly uri: string;
  readonly durationSec: number;
  readonly gap: boolean;
  /** Those that are to be listed; only of low-latency playlists. */
  readonly parts?: readonly PlaylistPart[];
}

export interface LowLatency {
  /** No part is longer: the same for all renditions. */
  readonly partTargetSec: number;
  /** The segment behind the last one, as far as it has come. */
  readonly open: (SegmentHead & { readonly parts: readonly PlaylistPart[] }) | null;
  /** Of the part that comes next; null where none will. */
  readonly hintUri: string | null;
  /** Of the other renditions. */
  readonly reports: readonly RenditionReport[];
}

/** The end of a live playlist. */
export interface PlaylistEdge {
  /** Those that are listed with their parts. */
  readonly segments: readonly PlaylistSegment[];
  readonly lowLatency: LowLatency;
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
  /** What was told about the time that is listed; needs segments with a wall clock. */
  readonly dateRanges?: readonly DatedRange[];
  /** Null or absent: segments come whole. */
  readonly lowLatency?: LowLatency | null;
  /** A delta update (§6.2.5.1), where there is anything to skip. */
  readonly skip?: boolean;
  /** Of the protocol, where no tag in it demands a later one. Default 7. */
  readonly version?: number;
}

/** Writes a media playlist (RFC 8216bis §4.4.3, §4.4.4). Every segment begins with a key: EXT-X-INDEPENDENT-SEGMENTS. */
export function writeMediaPlaylist(playlist: MediaPlaylist): string {
  const { segments, mediaSequence, targetDurationSec, lowLatency = null } = playlist;
  const lines = ['#EXTM3U', `#EXT-X-VERSION:${versionOf(playlist)}`];
  lines.push('#EXT-X-INDEPENDENT-SEGMENTS', `#EXT-X-TARGETDURATION:${targetDurationSec}`);
  if (lowLatency !== null) lines.push(...serverControl(targetDurationSec, lowLatency.partTargetSec));
  lines.push(`#EXT-X-MEDIA-SEQUENCE:${mediaSequence}`);
  if (playlist.type === 'vod') lines.push('#EXT-X-PLAYLIST-TYPE:VOD');
  else lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${segments[0]?.discontinuity ?? 0}`);
  // All of them in every playlist, also in one that skips segments (§6.2.5.1).
  lines.push(...(playlist.dateRanges ?? []).flatMap(dateRangeTags));
  const skipped = playlist.skip ? skippable(playlist) : 0;
  if (skipped > 0) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`);
  segments.slice(skipped).forEach((segment, index) => {
    const before = segments[skipped + index - 1] ?? null;
    // Who has lost what was skipped still learns which header decodes what follows.
    if (skipped > 0 && index === 0 && segment.initUri === before?.initUri) lines.push(...mapTag(segment));
    lines.push(...segmentLines(segment, before, lowLatency?.partTargetSec));
  });
  if (lowLatency !== null && !playlist.ended) lines.push(...liveEdge(lowLatency, segments.at(-1) ?? null));
  if (playlist.ended) lines.push('#EXT-X-ENDLIST');
  return `${lines.join('\n')}\n`;
}

/** §8: 9 for EXT-X-SKIP, which a low-latency playlist may have; 8 for EXT-X-GAP. */
function versionOf({ segments, lowLatency = null, version = 7 }: MediaPlaylist): number {
  if (lowLatency !== null) return 9;
  return segments.some((segment) => segment.gap) ? 8 : version;
}

/** How many segments are further from the end of the last one than the skip boundary. What has ended is told whole. */
function skippable({ segments, targetDurationSec, ended }: MediaPlaylist): number {
  if (ended) return 0;
  const boundary = skipBoundarySec(targetDurationSec);
  let behind = 0;
  for (let index = segments.length - 1; index >= 0; index -= 1) {
    if (behind > boundary) return index + 1;
    behind += segments[index]?.durationSec ?? 0;
  }
  return 0;
}

/** The open segment's parts, what comes next, and how far the other renditions are. */
function liveEdge({ open, hintUri, reports, partTargetSec }: LowLatency, last: SegmentHead | null): string[] {
  return [
    ...(open === null ? [] : [...headLines(open, last), ...open.parts.map((part) => partTag(part, partTargetSec))]),
    ...(hintUri === null ? [] : [preloadHint(hintUri)]),
    ...reports.map(renditionReport),
  ];
}

/** The lines of a playlist's end behind what is listed before it. */
export function edgeLines({ segments, lowLatency }: PlaylistEdge, before: SegmentHead | null): string[] {
  const { partTargetSec } = lowLatency;
  const lines = segments.flatMap((each, index) => segmentLines(each, segments[index - 1] ?? before, partTargetSec));
  return [...lines, ...liveEdge(lowLatency, segments.at(-1) ?? before)];
}

/** The lines of one segment behind another, or behind none. */
export function segmentLines(
  segment: PlaylistSegment,
  before: SegmentHead | null,
  partTargetSec = Number.POSITIVE_INFINITY,
): string[] {
  const lines = headLines(segment, before);
  if (segment.gap) lines.push('#EXT-X-GAP');
  for (const part of segment.parts ?? []) lines.push(partTag(part, partTargetSec));
  lines.push(`#EXTINF:${segment.durationSec.toFixed(5)},`, segment.uri);
  return lines;
}

const mapTag = ({ initUri }: SegmentHead) => (initUri === null ? [] : [`#EXT-X-MAP:URI="${initUri}"`]);

/** What applies to a segment must stand before its first part (§4.4.4.9). */
function headLines(segment: SegmentHead, before: SegmentHead | null): string[] {
  const lines: string[] = [];
  if (before !== null && segment.discontinuity !== before.discontinuity) lines.push('#EXT-X-DISCONTINUITY');
  if (segment.initUri !== before?.initUri) lines.push(...mapTag(segment));
  if (segment.programDateTime !== null) {
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.programDateTime).toISOString()}`);
  }
  return lines;
}
