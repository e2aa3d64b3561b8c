import type { DateRange } from '../date-ranges.js';

/** A range with the wall clock of its timeline's zero, epoch ms. */
export interface DatedRange {
  readonly range: DateRange;
  readonly zeroAt: number;
}

/** Reverse DNS, as the draft asks for: other makers' classes are never the same. */
const ID3_CLASS = 'org.headwater.id3';

/**
 * The tags of one range (RFC 8216bis §4.4.5.1). What ends a splice comes in a tag of its own with the same ID, so that the first
 * one never changes.
 */
export function dateRangeTags({ range, zeroAt }: DatedRange): string[] {
  const { id, kind, startMs, endMs, plannedMs, data, back } = range;
  const head = [
    `ID="${id}"`,
    ...(kind === 'id3' ? [`CLASS="${ID3_CLASS}"`] : []),
    date('START-DATE', zeroAt + startMs),
  ];
  const planned = plannedMs === null ? [] : [`PLANNED-DURATION=${seconds(plannedMs)}`];
  if (kind === 'id3') return [tag([...head, 'DURATION=0', `X-ID3="${data.toString('base64')}"`])];
  if (kind === 'command') return [tag([...head, ...planned, `SCTE35-CMD=${hex(data)}`])];
  const out = tag([...head, ...planned, `SCTE35-OUT=${hex(data)}`]);
  if (endMs === null || back === null) return [out];
  const end = [date('END-DATE', zeroAt + endMs), `DURATION=${seconds(endMs - startMs)}`];
  return [out, tag([...head, ...end, `SCTE35-IN=${hex(back)}`])];
}

const tag = (attributes: readonly string[]) => `#EXT-X-DATERANGE:${attributes.join(',')}`;
const seconds = (ms: number) => (ms / 1000).toFixed(3);
const hex = (bytes: Buffer) => `0x${bytes.toString('hex').toUpperCase()}`;
const date = (name: string, epochMs: number) => `${name}="${new Date(Math.round(epochMs)).toISOString()}"`;
