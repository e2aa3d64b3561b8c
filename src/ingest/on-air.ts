import type { OnAirName } from './live-events.js';

/** What the choice needs to know of a publisher. */
export interface Candidate {
  /** Its pictures keep coming. */
  readonly alive: boolean;
  /** There is a key to begin with, and no backlog still on its way. */
  readonly startable: boolean;
  /** It has been coming evenly for a while. */
  readonly steady: boolean;
  /** Its newest picture is a key. */
  readonly atKey: boolean;
}

export interface OnAirView {
  readonly current: OnAirName;
  readonly primary: Candidate | null;
  readonly backup: Candidate | null;
  /** Asked only where it matters. */
  readonly slateReady: () => boolean;
  /** How long nothing has been shown, ms. */
  readonly silentMs: number;
  /** A publisher who stalls is waited for this long before viewers get nothing at all, ms. */
  readonly patienceMs: number;
}

/**
 * Who is on air next. The primary is preferred: the backup stands in while the primary is gone or stalls, and hands back at
 * a key of the primary's once that has been steady for a while. With neither, the slate; with no slate, nothing new, and a
 * publisher who only stalls stays on air for a moment, so that its next picture goes on where the last one was.
 */
export function nextOnAir(view: OnAirView): OnAirName {
  const { current, primary, backup } = view;
  if (current === 'primary' && primary?.alive) return 'primary';
  if (current === 'backup' && backup?.alive) return handsBack(primary) ? 'primary' : 'backup';
  if (mayBegin(primary)) return 'primary';
  if (mayBegin(backup)) return 'backup';
  if (view.slateReady()) return 'slate';
  const held = current === 'primary' ? primary : current === 'backup' ? backup : null;
  return held !== null && view.silentMs <= view.patienceMs ? current : 'nothing';
}

function mayBegin(source: Candidate | null): source is Candidate {
  return source?.alive === true && source.startable;
}

function handsBack(primary: Candidate | null): boolean {
  return mayBegin(primary) && primary.steady && primary.atKey;
}
