import { serverControl, skipTag, wholeSegmentsControl } from './low-latency-tags.js';
import { edgeLines, type PlaylistEdge, type SegmentHead } from './media-playlist.js';

/** The segments of one run, already written: their lines, without header and discontinuity. */
export interface RecordedStretch {
  /** Of the header that decodes them (EXT-X-MAP); null where nothing but gaps is listed. */
  readonly initUri: string | null;
  readonly discontinuity: number;
  readonly lines: string;
}

export interface RecordedPlaylist {
  /** Of the first segment, be it skipped. */
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  /** Whole seconds. */
  readonly targetDurationSec: number;
  /** `window`: segments leave at the front. `event`: all there was so far. `vod`: complete and for ever. */
  readonly type: 'window' | 'event' | 'vod';
  readonly ended: boolean;
  /** What was told about the time that is listed, and is to be told again. */
  readonly dateRangeTags: readonly string[];
  /** IDs of date ranges that have gone of late, in a delta update that leaves out the older ranges; else null. */
  readonly removedDates: readonly string[] | null;
  /** Segments that a delta update leaves out at the front; 0: it is a whole playlist. */
  readonly skipped: number;
  /** The first stretch begins a run, behind one that was skipped. */
  readonly discontinuous: boolean;
  readonly stretches: readonly RecordedStretch[];
  /** The live edge, behind the stretches; null where segments come whole, or no more. */
  readonly edge: PlaylistEdge | null;
}

const GAP = '#EXT-X-GAP\n';

/** Writes a media playlist (RFC 8216bis §4.4.3, §4.4.4) of thousands of segments, out of lines that were written before. */
export function writeRecordedPlaylist(playlist: RecordedPlaylist): string {
  const { skipped, removedDates, discontinuous, stretches, edge, ended } = playlist;
  const body = stretches.map(({ initUri, lines }, index) => {
    const cut = index > 0 || discontinuous ? '#EXT-X-DISCONTINUITY\n' : '';
    return `${cut}${initUri === null ? '' : `#EXT-X-MAP:URI="${initUri}"\n`}${lines}`;
  });
  const tail = edge === null ? [] : edgeLines(edge, lastHead(stretches));
  if (ended) tail.push('#EXT-X-ENDLIST');
  const head = headTags(playlist);
  if (skipped > 0) head.push(skipTag(skipped, removedDates));
  return `${head.join('\n')}\n${body.join('')}${tail.map((line) => `${line}\n`).join('')}`;
}

function headTags(playlist: RecordedPlaylist): string[] {
  const { mediaSequence, discontinuitySequence, targetDurationSec, type, ended, dateRangeTags, edge } = playlist;
  const head = ['#EXTM3U', `#EXT-X-VERSION:${versionOf(playlist)}`, '#EXT-X-INDEPENDENT-SEGMENTS'];
  head.push(`#EXT-X-TARGETDURATION:${targetDurationSec}`);
  // What has ended is neither waited for nor told in part.
  if (edge !== null) head.push(...serverControl(targetDurationSec, edge.lowLatency.partTargetSec, true));
  else if (!ended) head.push(wholeSegmentsControl(targetDurationSec, true));
  head.push(`#EXT-X-MEDIA-SEQUENCE:${mediaSequence}`);
  if (type !== 'vod') head.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${discontinuitySequence}`);
  if (type !== 'window') head.push(`#EXT-X-PLAYLIST-TYPE:${type.toUpperCase()}`);
  return [...head, ...dateRangeTags];
}

/** §8: 10 for an EXT-X-SKIP in place of date ranges too, which whoever may ask for it must expect; 8 for EXT-X-GAP. */
function versionOf({ ended, stretches }: RecordedPlaylist): number {
  if (!ended) return 10;
  return stretches.some(({ lines }) => lines.includes(GAP)) ? 8 : 7;
}

function lastHead(stretches: readonly RecordedStretch[]): SegmentHead | null {
  const last = stretches.at(-1);
  return last === undefined ? null : { ...last, programDateTime: null };
}
