import { mediaPath } from '../../media/media-path.js';
import { layoutOf, placeOnSheet, sheetName } from './thumbnail-sheets.js';
import type { ThumbnailList } from './thumbnail-slots.js';

/** Under `/media/<owner>/`. */
export const THUMBNAIL_FOLDER = 'thumbs';

/**
 * WebVTT whose cues name a picture each and its place on its sheet, as players' scrubbers read it. Null where there is no picture.
 *
 * @param zeroMs epoch ms of time 0, which a note tells; null for a video, whose time 0 is its beginning.
 */
export function writeThumbnails({ sheets, endSec }: ThumbnailList, zeroMs: number | null): string | null {
  if (sheets.length === 0) return null;
  const pictures = sheets.flatMap(({ owner, tile, cues }) => {
    const path = mediaPath(owner, THUMBNAIL_FOLDER, sheetName(cues.map(({ number }) => number)));
    const layout = layoutOf(tile, cues.length);
    return cues.map(({ startSec }, at) => ({ startSec, address: path + placeOnSheet(layout, at) }));
  });
  const blocks = pictures.map(({ startSec, address }, at) => {
    const end = Math.max(startSec, pictures[at + 1]?.startSec ?? endSec);
    return `${timeText(startSec)} --> ${timeText(end)}\n${address}`;
  });
  const note = zeroMs === null ? [] : [`NOTE Time 0 is ${new Date(zeroMs).toISOString()}`];
  return `${['WEBVTT', ...note, ...blocks].join('\n\n')}\n`;
}

/** WebVTT §4.1: hours of two digits or more. */
function timeText(seconds: number): string {
  const ms = Math.max(0, Math.round(seconds * 1000));
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const fraction = String(ms % 1000).padStart(3, '0');
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}.${fraction}`;
}
