/** The segments of one run, already written: their lines, without header and discontinuity. */
export interface RecordedStretch {
  /** Of the header that decodes them (EXT-X-MAP); null where nothing but gaps is listed. */
  readonly initUri: string | null;
  readonly discontinuity: number;
  readonly lines: string;
}

export interface RecordedPlaylist {
  readonly mediaSequence: number;
  /** Whole seconds. */
  readonly targetDurationSec: number;
  /** `window`: segments leave at the front. `event`: all there was so far. `vod`: complete and for ever. */
  readonly type: 'window' | 'event' | 'vod';
  readonly ended: boolean;
  readonly stretches: readonly RecordedStretch[];
}

const GAP = '#EXT-X-GAP\n';

/** Writes a media playlist (RFC 8216bis §4.4.3, §4.4.4) of thousands of segments, out of lines that were written before. */
export function writeRecordedPlaylist(playlist: RecordedPlaylist): string {
  const { mediaSequence, targetDurationSec, type, ended, stretches } = playlist;
  const hasGap = stretches.some(({ lines }) => lines.includes(GAP));
  const head = ['#EXTM3U', `#EXT-X-VERSION:${hasGap ? 8 : 7}`, '#EXT-X-INDEPENDENT-SEGMENTS'];
  head.push(`#EXT-X-TARGETDURATION:${targetDurationSec}`, `#EXT-X-MEDIA-SEQUENCE:${mediaSequence}`);
  if (type !== 'vod') head.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${stretches[0]?.discontinuity ?? 0}`);
  if (type !== 'window') head.push(`#EXT-X-PLAYLIST-TYPE:${type.toUpperCase()}`);
  const body = stretches.map(({ initUri, lines }, index) => {
    const tags = `${index === 0 ? '' : '#EXT-X-DISCONTINUITY\n'}${initUri === null ? '' : `#EXT-X-MAP:URI="${initUri}"\n`}`;
    return tags + lines;
  });
  return `${head.join('\n')}\n${body.join('')}${ended ? '#EXT-X-ENDLIST\n' : ''}`;
}
