/** Where a request carries its token, and the request without it. Pure. */
import type { HeaderPair, HeaderPairs } from '../semantics/header-fields.js';

export interface CarriedTokens {
  /** In the query, else in the path; null: in neither. */
  readonly explicit: string | null;
  /** In cookies: those for the longest path first, as browsers send them (RFC 6265 §5.4). */
  readonly cookies: readonly string[];
}

/** `/~<token>/…`: relative addresses in what is answered keep it. */
const inPath = /^\/~(1\.[^/]*)(?=\/)/;

interface Address {
  readonly path: string;
  readonly query: string;
}

export interface AddressTaken extends Address {
  readonly explicit: string | null;
}

/** The address without a token in its path, nor parameters of that name in its query. */
export function takeFromAddress({ path, query }: Address, parameter: string): AddressTaken {
  const fromPath = path.startsWith('/~1.') ? (inPath.exec(path)?.[1] ?? null) : null;
  const plain = fromPath === null ? path : path.slice(fromPath.length + 2);
  if (!query.includes(parameter)) return { path: plain, query, explicit: fromPath };
  const own = `${parameter}=`;
  const parameters = query.split('&');
  const fromQuery = parameters.find((each) => each.startsWith(own))?.slice(own.length) ?? null;
  const others = parameters.filter((each) => !each.startsWith(own) && each !== parameter);
  return { path: plain, query: others.join('&'), explicit: fromQuery ?? fromPath };
}

export interface HeadersTaken {
  /** The very same list where it held none. */
  readonly headers: HeaderPairs;
  readonly cookies: readonly string[];
}

/** The fields without the cookies of that name, and without tokens in the address that Referer tells. */
export function takeFromHeaders(headers: HeaderPairs, parameter: string): HeadersTaken {
  if (!headers.some((field) => mayCarry(field, parameter))) return { headers, cookies: [] };
  const cookies: string[] = [];
  const kept: HeaderPair[] = [];
  for (const [name, value] of headers) {
    if (name === 'referer') kept.push([name, withoutTokens(value, parameter)]);
    else if (name !== 'cookie') kept.push([name, value]);
    else {
      const others = takeCookies(value, parameter, cookies);
      if (others !== '') kept.push([name, others]);
    }
  }
  return { headers: kept, cookies };
}

const mayCarry = ([name, value]: HeaderPair, parameter: string): boolean =>
  (name === 'cookie' && value.includes(parameter)) ||
  (name === 'referer' && (value.includes(parameter) || value.includes('/~1.')));

/** @returns the other cookies. */
function takeCookies(line: string, name: string, taken: string[]): string {
  const others = line.split(';').flatMap((pair) => {
    const cookie = pair.trim();
    if (!cookie.startsWith(`${name}=`)) return cookie === '' ? [] : [cookie];
    taken.push(cookie.slice(name.length + 1));
    return [];
  });
  return others.join('; ');
}

function withoutTokens(address: string, parameter: string): string {
  const [before = '', ...after] = address.split('?');
  const plain = before.replace(/\/~1\.[^/]*(?=\/)/, '');
  const parameters = after
    .join('?')
    .split('&')
    .filter((each) => !each.startsWith(`${parameter}=`));
  return parameters.join('&') === '' ? plain : `${plain}?${parameters.join('&')}`;
}
