/** What proxies say of a request's way here: Forwarded (RFC 7239), and the X-Forwarded fields before it. Pure; takes any bytes. */
import { type IpAddress, readIpAddress } from './ip-address.js';

/** What one proxy says of who asked it. */
export interface Hop {
  /** Null: it does not say, or says it in a way that cannot be read; nothing before it may be believed. */
  readonly address: IpAddress | null;
  readonly scheme: 'http' | 'https' | null;
}

const unreadable: Hop = { address: null, scheme: null };
/** More than any honest way here has; what is further away is not looked at. */
const hopsMax = 32;

/** Forwarded: the nearest proxy's word first. `lines` as they arrived. */
export function forwardedHops(lines: readonly string[]): Hop[] {
  const elements = lines.flatMap((line) => splitUnquoted(line, ',') ?? line.split(','));
  return elements.slice(-hopsMax).reverse().map(readElement);
}

/** X-Forwarded-For with X-Forwarded-Proto: the nearest proxy's word first. */
export function xForwardedHops(forLines: readonly string[], protoLines: readonly string[]): Hop[] {
  const split = (lines: readonly string[]) => lines.flatMap((line) => line.split(',').map((each) => each.trim()));
  const nodes = split(forLines).slice(-hopsMax).reverse();
  const schemes = split(protoLines).slice(-hopsMax).reverse();
  // Proxies that replace the scheme say one for the whole way; those that append say one for each hop.
  return nodes.map((node, at) => ({ address: readNode(node), scheme: readScheme(schemes[at] ?? schemes.at(-1)) }));
}

const parameter = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z:[\]-]+)|"((?:[^"\\]|\\.)*)")$/;

/** `for=192.0.2.60;proto=http;by=203.0.113.43`. Unquoted IPv6 and ports, which proxies write, are read as well. */
function readElement(element: string): Hop {
  const pairs = splitUnquoted(element, ';');
  if (pairs === null) return unreadable;
  const found = new Map<string, string>();
  for (const pair of pairs) {
    if (pair.trim() === '') continue;
    const [, name = '', token, quoted = ''] = parameter.exec(pair.trim()) ?? [];
    // Each may be there once (RFC 7239 §4).
    if (name === '' || found.has(name.toLowerCase())) return unreadable;
    found.set(name.toLowerCase(), token ?? quoted.replace(/\\(.)/g, '$1'));
  }
  return { address: readNode(found.get('for') ?? ''), scheme: readScheme(found.get('proto')) };
}

/** RFC 7239 §6: an address, perhaps with a port; `unknown` and names of a proxy's own are nobody. */
function readNode(node: string): IpAddress | null {
  const [, bracketed, ipv4] = /^(?:\[([^\]]+)\]|([0-9.]+))(?::(?:\d{1,5}|_[A-Za-z0-9._-]+))?$/.exec(node) ?? [];
  const text = bracketed ?? ipv4 ?? node;
  // Zones mean nothing on another machine.
  return text.length > 45 || text.includes('%') ? null : readIpAddress(text);
}

function readScheme(text: string | undefined): Hop['scheme'] {
  const scheme = text?.toLowerCase();
  return scheme === 'http' || scheme === 'https' ? scheme : null;
}

/** Null where a quoted string does not end. */
function splitUnquoted(text: string, separator: ',' | ';'): string[] | null {
  const found: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (quoted && character === '\\') at += 1;
    else if (character === '"') quoted = !quoted;
    else if (character === separator && !quoted) {
      found.push(text.slice(start, at));
      start = at + 1;
    }
  }
  found.push(text.slice(start));
  return quoted ? null : found;
}
