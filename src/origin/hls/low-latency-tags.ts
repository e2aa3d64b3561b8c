/**
 * The tags of low-latency HLS (draft-pantos-hls-rfc8216bis-22 §4.4.3.7, §4.4.3.8, §4.4.4.9, §4.4.5.3, §4.4.5.4). Pure.
 */

export interface PlaylistPart {
  readonly uri: string;
  readonly durationSec: number;
  readonly independent: boolean;
}

export interface RenditionReport {
  /** Relative to the playlist that it stands in. */
  readonly uri: string;
  readonly lastNumber: number;
  /** Null where the last segment came whole. */
  readonly lastPart: number | null;
}

/** Decimals of a duration in a playlist. */
const DECIMALS = 5;

/**
 * What a client may ask for and how far from the end it should stay: multiples of the target durations, as the draft bounds them.
 *
 * @param skipDates whether delta updates can do without the older date ranges.
 */
export function serverControl(targetDurationSec: number, partTargetSec: number, skipDates = false): string[] {
  const partTarget = roundedUp(partTargetSec);
  const attributes = [
    'CAN-BLOCK-RELOAD=YES',
    ...skipControl(targetDurationSec, skipDates),
    `HOLD-BACK=${(3 * targetDurationSec).toFixed(1)}`,
    `PART-HOLD-BACK=${roundedUp(3 * partTarget).toFixed(DECIMALS)}`,
  ];
  return [
    `#EXT-X-SERVER-CONTROL:${attributes.join(',')}`,
    `#EXT-X-PART-INF:PART-TARGET=${partTarget.toFixed(DECIMALS)}`,
  ];
}

/** The same where segments come whole. */
export function wholeSegmentsControl(targetDurationSec: number, skipDates: boolean): string {
  const holdBack = `HOLD-BACK=${(3 * targetDurationSec).toFixed(1)}`;
  const attributes = ['CAN-BLOCK-RELOAD=YES', ...skipControl(targetDurationSec, skipDates), holdBack];
  return `#EXT-X-SERVER-CONTROL:${attributes.join(',')}`;
}

function skipControl(targetDurationSec: number, skipDates: boolean): string[] {
  const until = `CAN-SKIP-UNTIL=${skipBoundarySec(targetDurationSec).toFixed(1)}`;
  return skipDates ? [until, 'CAN-SKIP-DATERANGES=YES'] : [until];
}

/** In place of what a delta update leaves out (§4.4.5.2); with the IDs of ranges that have gone where it leaves out ranges too. */
export function skipTag(segments: number, removedDates: readonly string[] | null): string {
  const removed = removedDates === null ? '' : `,RECENTLY-REMOVED-DATERANGES="${removedDates.join('\t')}"`;
  return `#EXT-X-SKIP:SKIPPED-SEGMENTS=${segments}${removed}`;
}

/** §4.4.3.8: segments further than this from the end of the last one may be skipped. */
export function skipBoundarySec(targetDurationSec: number): number {
  return 6 * targetDurationSec;
}

/** A part that took longer than the target (a picture that stood too long) is told as if it had not: no player could plan for more. */
export function partTag({ uri, durationSec, independent }: PlaylistPart, partTargetSec: number): string {
  const duration = Math.min(durationSec, roundedUp(partTargetSec)).toFixed(DECIMALS);
  return `#EXT-X-PART:DURATION=${duration},URI="${uri}"${independent ? ',INDEPENDENT=YES' : ''}`;
}

export function preloadHint(uri: string): string {
  return `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${uri}"`;
}

export function renditionReport({ uri, lastNumber, lastPart }: RenditionReport): string {
  const part = lastPart === null ? '' : `,LAST-PART=${lastPart}`;
  return `#EXT-X-RENDITION-REPORT:URI="${uri}",LAST-MSN=${lastNumber}${part}`;
}

/** To what a playlist can say; the small subtraction undoes what binary fractions add. */
function roundedUp(seconds: number): number {
  const scale = 10 ** DECIMALS;
  return Math.ceil(seconds * scale - 1e-6) / scale;
}
