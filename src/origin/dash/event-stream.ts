import type { TimedEvent } from '../timed-events.js';
import { element, textElement } from './xml.js';

/** What was told within a period. */
export interface DashEvents {
  readonly broadcastId: string;
  /** Where the period starts on the timeline that the events' times are on, ms. */
  readonly periodStartMs: number;
  readonly events: readonly TimedEvent[];
}

const SPLICE_SCHEME = 'urn:scte:scte35:2014:xml+bin';
const ID3_SCHEME = 'https://aomedia.org/emsg/ID3';
const TIMESCALE = 1000;

/**
 * A period's event streams (ISO/IEC 23009-1 §5.10.2), one for each scheme: cues as SCTE 214-1 §6.7.4 has them, and timed ID3. An
 * event's time less the stream's offset is its time within the period, so that an event keeps one time in every period.
 */
export function eventStreams({ broadcastId, periodStartMs, events }: DashEvents): string[] {
  const attributes = { timescale: TIMESCALE, presentationTimeOffset: Math.round(periodStartMs) };
  const common = (event: TimedEvent) => ({
    presentationTime: event.atMs,
    duration: event.durationMs ?? undefined,
    id: idOf(broadcastId, event.number),
  });
  const cues = events.filter(({ kind }) => kind === 'scte35').map((event) => cue(common(event), event.data));
  const tags = events
    .filter(({ kind }) => kind === 'id3')
    .map((event) =>
      textElement('Event', { ...common(event), contentEncoding: 'base64' }, event.data.toString('base64')),
    );
  return [
    ...(cues.length === 0 ? [] : [element('EventStream', { schemeIdUri: SPLICE_SCHEME, ...attributes }, cues)]),
    ...(tags.length === 0 ? [] : [element('EventStream', { schemeIdUri: ID3_SCHEME, ...attributes }, tags)]),
  ];
}

function cue(attributes: Readonly<Record<string, number | undefined>>, section: Buffer): string {
  const binary = textElement('Binary', {}, section.toString('base64'));
  return element('Event', attributes, [element('Signal', { xmlns: 'http://www.scte.org/schemas/35/2016' }, [binary])]);
}

/** Players take events of one id for one event, also in different periods: 32 bits of the broadcast's name and the number. */
function idOf(broadcastId: string, number: number): number {
  let hash = 0x811c_9dc5;
  for (const byte of Buffer.from(broadcastId)) hash = Math.imul(hash ^ byte, 0x0100_0193);
  return (hash + number) >>> 0;
}
