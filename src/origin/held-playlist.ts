import { type Answer, problemAnswer } from './answer.js';
import type { CacheKind } from './cache-policy.js';
import { OriginFailure } from './failure.js';
import { isTooFarAhead, readDirectives, type Skipping } from './hls/delivery-directives.js';
import { longestSegmentSec, partTarget } from './live-media-playlist.js';
import { isAnnounced, type Position } from './live-position.js';
import type { LiveWindow } from './live-window.js';
import type { RenditionWindow } from './rendition-window.js';
import type { Waited } from './waiters.js';

/** How many target durations a request is held for what it asked for (draft-pantos-hls-rfc8216bis-22 §6.2.5.2). */
export const HELD_TARGET_DURATIONS = 3;

export interface HeldPlaylist {
  readonly window: LiveWindow;
  readonly rendition: RenditionWindow;
  /** May hold delivery directives. */
  readonly query: string;
  /** The client has gone. */
  readonly signal: AbortSignal;
  /** The playlist as it stands. */
  readonly show: (skip: Skipping, cache: CacheKind) => Answer;
}

/** A live playlist as its directives ask for it: at once, or when it has what they name; whole, or a delta update. */
export async function heldPlaylist({ window, rendition, query, signal, show }: HeldPlaylist): Promise<Answer> {
  const directives = readDirectives(query);
  if (directives === null) return badRequest('_HLS_msn and _HLS_part are whole numbers, the second with the first.');
  const { waitFor, skip } = directives;
  if (waitFor === null) return show(skip, 'live-manifest');
  const partTargetSec = partTarget(window);
  // Where segments come whole there are no parts to wait for.
  const position = partTargetSec === null ? { number: waitFor.number } : waitFor;
  if (isTooFarAhead(rendition, position, partTargetSec ?? 1)) {
    return badRequest('That is too far ahead to be waited for.');
  }
  const waited = await holdFor(window, rendition.id, position, signal);
  if (waited !== 'there') return tooLate();
  // Where it is over before that, the same address may have something else to say soon.
  const shown = window.rendition(rendition.id);
  return show(skip, shown !== null && isAnnounced(shown, position) ? 'blocking-manifest' : 'live-manifest');
}

/** Waits for a segment or a part as long as the draft allows. Throws `origin.busy` where too many wait. */
export async function holdFor(
  window: LiveWindow,
  rendition: string,
  position: Position,
  signal: AbortSignal,
): Promise<Waited> {
  const timeoutMs = HELD_TARGET_DURATIONS * longestSegmentSec(window) * 1000;
  return admitted(await window.waitFor(rendition, position, timeoutMs, signal));
}

export function admitted(waited: Waited): Waited {
  if (waited !== 'full') return waited;
  throw new OriginFailure('origin.busy', 'too many requests wait for the live edge', {
    hint: 'More viewers ask this box directly than it is made for: let them ask through edges.',
  });
}

function badRequest(detail: string): Answer {
  return problemAnswer(400, 'Bad Request', detail, 'trouble');
}

/** Kept for a second: who waited for it together at an edge must not ask again together, each alone. */
function tooLate(): Answer {
  const detail = 'What was asked for has not come in time.';
  return problemAnswer(503, 'Service Unavailable', detail, 'not-yet', [['retry-after', '1']]);
}
