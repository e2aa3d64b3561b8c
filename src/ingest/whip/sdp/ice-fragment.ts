import { isUfrag, readCandidates } from './ice-candidate.js';

/** What a PATCH brings (RFC 8840 §9): more candidates of the publisher's. */
export interface IceFragment {
  readonly iceUfrag: string;
  /** Those of use here. */
  readonly candidates: readonly string[];
}

const LINES_MAX = 512;

/** Null for what is no fragment. */
export function readIceFragment(text: string): IceFragment | null {
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  if (lines.length === 0 || lines.length > LINES_MAX || !lines.every((line) => /^[a-z]=/.test(line))) return null;
  const values = (name: string) =>
    lines.filter((line) => line.startsWith(`a=${name}:`)).map((line) => line.slice(name.length + 3).trim());
  const iceUfrag = values('ice-ufrag')[0] ?? null;
  return isUfrag(iceUfrag) ? { iceUfrag, candidates: readCandidates(values('candidate')) } : null;
}
