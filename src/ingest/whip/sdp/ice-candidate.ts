import { isIP } from 'node:net';

/** More than any host has. */
const CANDIDATES_MAX = 32;

/**
 * One candidate of the other side (`candidate:…`, RFC 8839 §5.1) written anew, or null for one that is of no use here: not
 * UDP, not an address (mDNS names hide one: such a peer is found by its own checks), not readable.
 */
function readCandidate(value: string): string | null {
  const fields = value.replace(/^candidate:/, '').split(' ');
  const [foundation = '', component, transport = '', priority = '', address = '', port = '', typ, type = ''] = fields;
  if (!/^[A-Za-z0-9+/]{1,32}$/.test(foundation) || component !== '1' || transport.toLowerCase() !== 'udp') return null;
  if (!/^\d{1,10}$/.test(priority) || Number(priority) >= 2 ** 32 || isIP(address) === 0 || address.includes('%'))
    return null;
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) return null;
  if (typ !== 'typ' || !['host', 'srflx', 'prflx', 'relay'].includes(type)) return null;
  // A server-reflexive or relayed one names its base too, which says nothing to us but must be there.
  const base = type === 'host' ? '' : ' raddr 0.0.0.0 rport 9';
  return `candidate:${foundation} 1 UDP ${Number(priority)} ${address} ${Number(port)} typ ${type}${base}`;
}

export function readCandidates(values: readonly string[]): string[] {
  return values.flatMap((value) => readCandidate(value) ?? []).slice(0, CANDIDATES_MAX);
}

/** RFC 8839 §5.4: `ice-char` alone; the bounds are the RFC's. */
export const isUfrag = (text: string | null): text is string => text !== null && /^[A-Za-z0-9+/]{4,256}$/.test(text);
export const isPassword = (text: string | null): text is string =>
  text !== null && /^[A-Za-z0-9+/]{22,256}$/.test(text);
