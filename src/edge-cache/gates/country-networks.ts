/** The list of countries: which networks are in which. Pure. */
import { type IpNetwork, readIpNetwork } from './ip-network.js';

/** By code, two capital letters (ISO 3166-1). */
export type CountryNetworks = ReadonlyMap<string, readonly IpNetwork[]>;

export type CountriesRead =
  | { readonly kind: 'read'; readonly countries: CountryNetworks }
  /** The first line that cannot be read, from 1 on. */
  | { readonly kind: 'unreadable'; readonly line: number; readonly text: string };

/** One `CC CIDR` a line (`DE 192.0.2.0/24`), separated by white space or a comma; empty lines, and what follows `#`, do not count. */
export function readCountryNetworks(text: string): CountriesRead {
  const countries = new Map<string, IpNetwork[]>();
  for (const [at, line] of text.split('\n').entries()) {
    const written = line.replace(/#.*$/, '').trim();
    if (written === '') continue;
    const [, country = '', cidr = ''] = /^([A-Za-z]{2})[\s,]+(\S+)$/.exec(written) ?? [];
    const network = readIpNetwork(cidr);
    if (network === null) return { kind: 'unreadable', line: at + 1, text: written.slice(0, 80) };
    const code = country.toUpperCase();
    const known = countries.get(code);
    if (known === undefined) countries.set(code, [network]);
    else known.push(network);
  }
  return { kind: 'read', countries };
}
