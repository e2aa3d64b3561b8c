import type { VideoRendition } from '../../media/rendition.js';
import { initName, segmentName } from '../live-segment.js';
import { archivePrefix } from './archive-file.js';
import type { BroadcastIndex, RecordedRun, RecordedTrack } from './broadcast-index.js';
import { rowsOf } from './recorded-span.js';

/** Where pictures of an archive are to be had: these objects, one behind the other, are a fragmented MP4 that begins with a key. */
export interface KeyPictures {
  readonly rendition: VideoRendition;
  readonly keys: readonly string[];
}

/** Up to `count` segments that follow one another, from a tenth into the longest run on. Null where there is no picture. */
export function keyPictures(index: BroadcastIndex, count: number): KeyPictures | null {
  const found = index.runs.flatMap((run) => highestPicture(run) ?? []);
  const [longest] = found.sort((a, b) => b.track.spent.seconds - a.track.spent.seconds);
  if (longest === undefined) return null;
  const { run, track, rendition } = longest;
  const rows = [...rowsOf(track, 0, track.segments.next)].filter(({ bytes }) => bytes > 0);
  const from = Math.min(Math.floor(rows.length / 10), Math.max(0, rows.length - count));
  const folder = `${archivePrefix(index.broadcastId)}${rendition.id}/`;
  const names = rows.slice(from, from + count).map(({ number }) => segmentName(number));
  return names.length === 0 ? null : { rendition, keys: [initName(run.run), ...names].map((name) => folder + name) };
}

function highestPicture(
  run: RecordedRun,
): { run: RecordedRun; track: RecordedTrack; rendition: VideoRendition } | null {
  for (const { id } of run.renditions) {
    const track = run.tracks.get(id);
    if (track?.rendition.kind === 'video') return { run, track, rendition: track.rendition };
  }
  return null;
}
