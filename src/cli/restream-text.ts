import { table } from './output.js';

/** A target of a channel as the API answers. */
export interface Restream {
  readonly name: string;
  readonly url: string;
  readonly state: string;
  readonly since: number | null;
  readonly bitrate: number | null;
  readonly restarts: number;
  readonly droppedFrames: number;
  readonly error: string | null;
}

export const RESTREAM_HEAD = ['TARGET', 'ADDRESS', 'STATE', 'FOR', 'RATE', 'BREAKS', 'DROPPED'];

/** The cells of one target, under `RESTREAM_HEAD`. */
export function restreamCells({ name, url, state, since, bitrate, restarts, droppedFrames }: Restream): string[] {
  return [
    name,
    url,
    state,
    since === null ? '-' : `${Math.max(0, Math.round((Date.now() - since) / 1000))} s`,
    bitrate === null ? '-' : `${(bitrate / 1e6).toFixed(1)} Mb/s`,
    String(restarts),
    String(droppedFrames),
  ];
}

/** What went wrong, of those that do not send now. */
export const restreamTroubles = (restreams: readonly Restream[]): string[] =>
  restreams.flatMap(({ name, state, error }) => (error === null || state === 'sending' ? [] : [`${name}: ${error}`]));

export function describeRestreams(restreams: readonly Restream[]): string {
  if (restreams.length === 0) return 'no targets';
  return [table([RESTREAM_HEAD, ...restreams.map(restreamCells)]), ...restreamTroubles(restreams)].join('\n');
}
