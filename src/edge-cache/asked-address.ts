/** What an address of our own origin says of how it is to be fetched and kept. Pure. */
import { readMediaPath } from '../media/media-path.js';

export interface AskedAddress {
  /** One of our own origin's addresses for media: how these are kept is the origin's word alone, whatever a client wishes. */
  readonly media: boolean;
  /**
   * The origin may hold its answer back until what was asked for exists: a playlist asked for with `_HLS_msn`, and the segments
   * and parts of a broadcast, the next of which are announced before they are there (draft-pantos-hls-rfc8216bis §6.2.5).
   */
  readonly held: boolean;
  /** A playlist, a manifest or WebVTT: text that the origin has both plain and compressed. */
  readonly text: boolean;
}

const elsewhere: AskedAddress = { media: false, held: false, text: false };
const bytes: AskedAddress = { media: true, held: false, text: false };
const whole: AskedAddress = { media: true, held: false, text: true };
const blocking: AskedAddress = { media: true, held: true, text: true };
const part: AskedAddress = { media: true, held: true, text: false };

/** `<number>.m4s`, `<number>.<part>.m4s`. */
const segmentOrPart = /^\d+(?:\.\d+)?\.m4s$/;

/** Of a server that we know nothing of: HLS's own parameters mean the same everywhere. */
export const anywhere = (query: string): AskedAddress => ({ ...elsewhere, held: /(?:^|&)_HLS_msn=/.test(query) });

/** @param query as it goes upstream, without what means nothing there. */
export function readAskedAddress(path: string, query: string): AskedAddress {
  const address = readMediaPath(path);
  switch (address?.kind) {
    case undefined:
      return elsewhere;
    case 'poster':
      return bytes;
    case 'media':
      return address.owner.startsWith('b_') && segmentOrPart.test(address.name) ? part : bytes;
    case 'live-hls-rendition':
      return query.startsWith('_HLS_msn=') ? blocking : whole;
    default:
      return whole;
  }
}
