import type { LiveRun, LiveSegment } from '../live-segment.js';
import type { LiveWindow } from '../live-window.js';
import { carriageOf } from './carriage.js';

/** What is looked at of a channel's window. */
type Listing = Pick<LiveWindow, 'rendition' | 'endedAt'>;

/** One track of a segment of MPEG-TS. */
interface TsTrack {
  readonly rendition: string;
  /** The rendition has nothing in this slot, and never will. */
  readonly gap: boolean;
}

/** What a segment of MPEG-TS is made of: a rendition's segment, and the sound of the same number beneath a picture. */
export interface TsSlot {
  readonly own: LiveSegment;
  readonly tracks: readonly TsTrack[];
  /** None of the tracks has anything. */
  readonly gap: boolean;
}

/**
 * The slots that a rendition's playlist lists: the newest ones without an interruption of which it is certain what they are
 * made of, oldest first.
 */
export function listedSlots(window: Listing, rendition: string): TsSlot[] {
  const slots = (window.rendition(rendition)?.listed ?? []).map((own) => slotOf(window, rendition, own));
  const last = slots.findLastIndex((slot) => slot !== null);
  const before = slots.slice(0, Math.max(0, last)).lastIndexOf(null);
  return slots.slice(before + 1, last + 1).flatMap((slot) => slot ?? []);
}

/** Null: nothing by that number is known, or not yet all that belongs into it. */
export function findSlot(window: Listing, broadcastId: string, rendition: string, number: number): TsSlot | null {
  const own = window.rendition(rendition)?.find(broadcastId, number) ?? null;
  return own && slotOf(window, rendition, own);
}

/** A rendition's codecs as they stand in its header, where a transport stream carries them. */
export function carriedCodecs(run: LiveRun, rendition: string): string | null {
  const codecs = run.inits.get(rendition)?.codecs;
  return codecs !== undefined && carriageOf(codecs) !== null ? codecs : null;
}

/** What goes under a run's pictures; null: it has no sound, or none that can be carried. */
export function soundBeneath(run: LiveRun, rendition: string): string | null {
  const isPicture = run.renditions.some(({ id, kind }) => id === rendition && kind === 'video');
  const sound = run.renditions.find(({ kind }) => kind === 'audio');
  return isPicture && sound !== undefined && carriedCodecs(run, sound.id) !== null ? sound.id : null;
}

/** A name never has two contents: until the sound of a number is there, or can no longer come, there is no such slot. */
function slotOf(window: Listing, rendition: string, own: LiveSegment): TsSlot | null {
  if (carriedCodecs(own.run, rendition) === null || !headersKnown(own.run)) return null;
  const picture = { rendition, gap: own.gap };
  const beneath = soundBeneath(own.run, rendition);
  const sound = beneath === null ? [] : trackAt(window, beneath, own);
  if (sound === null) return null;
  const tracks = [picture, ...sound];
  return { own, tracks, gap: tracks.every(({ gap }) => gap) };
}

function headersKnown({ renditions, inits }: LiveRun): boolean {
  return renditions.every(({ id }) => inits.has(id));
}

/** The other track of a slot; null while it is open whether it has anything. */
function trackAt(window: Listing, rendition: string, { run, number }: LiveSegment): TsTrack[] | null {
  const known = window.rendition(rendition);
  const found = known?.find(run.broadcastId, number) ?? null;
  if (found !== null) return [{ rendition, gap: found.gap }];
  const isOver = window.endedAt !== null && number > (known?.newest?.number ?? -1);
  return isOver ? [{ rendition, gap: true }] : null;
}
