/**
 * Two gates. The first takes tokens off every request: what stands behind it, the cache's names and the upstream never see one. The
 * second lets nothing in the guarded folders pass without a good one.
 *
 * A token in the address is answered with cookies for the folders that it opens, so that the addresses which an answer names can be
 * asked for without it. Lives as long as the edge; remembers tokens that were found good, so many at most.
 */
import { LRUCache } from 'lru-cache';
import type { HeaderPair } from '../semantics/header-fields.js';
import { ClientRequest } from './client-request.js';
import type { GateCounts } from './gate-metrics.js';
import { privateHead } from './private-answer.js';
import { escapedPath, isIn } from './rule-path.js';
import { type Denial, denialOf, type Grant, readToken, type SigningKey, type TokenRead } from './signed-token.js';
import { takeFromAddress, takeFromHeaders } from './token-carriers.js';
import { ambiguousPath, type Gate, type Refusal, type Visit } from './visit.js';

export interface SignedOptions {
  /** Folders, each with a slash at its end. None: nothing is signed. */
  readonly prefixes: readonly string[];
  /** All of them open. */
  readonly keys: readonly SigningKey[];
  /** The name of the parameter, and of the cookie. */
  readonly parameter: string;
}

const grantsMax = 10_000;

export function takeTokens(parameter: string): Gate {
  return (visit) => {
    const { request } = visit;
    const { path, query, explicit } = takeFromAddress(request, parameter);
    const { headers, cookies } = takeFromHeaders(request.headers, parameter);
    const isPlain = path === request.path && query === request.query && headers === request.headers;
    if (!isPlain) visit.request = new ClientRequest(request, { path, query, headers });
    visit.carried = { explicit, cookies };
    return null;
  };
}

export function signedGate(options: SignedOptions, now: () => number, metrics: GateCounts): Gate {
  const tokens = new TokenDesk(options.keys);
  return (visit) => {
    const path = visit.rulePath;
    if (path === null) return ambiguousPath;
    // A preflight carries neither cookies nor content (Fetch §3.2.2).
    if (!options.prefixes.some((prefix) => isIn(prefix, path)) || visit.request.method === 'OPTIONS') return null;
    const asked = { path, client: visit.client, nowSec: Math.floor(now() / 1000) };
    const { explicit = null, cookies = [] } = visit.carried ?? {};
    let why: Problem = 'missing';
    for (const token of explicit === null ? cookies : [explicit]) {
      const read = tokens.read(token);
      const denial = read.kind === 'grant' ? denialOf(read.grant, asked) : read.kind;
      if (read.kind === 'grant' && denial === null) {
        admit(visit, options.parameter, explicit === null ? null : { token, grant: read.grant }, asked.nowSec);
        return null;
      }
      // Of several cookies, what is wrong with the nearest one is told.
      if (why === 'missing') why = denial as Problem;
    }
    metrics.refused('token');
    return refusals[why];
  };
}

/** Only what was signed by us is remembered, and looked up by the whole token: there is nothing to be learnt from its speed. */
class TokenDesk {
  readonly #keys: readonly SigningKey[];
  readonly #known = new LRUCache<string, TokenRead & { kind: 'grant' }>({ max: grantsMax });

  constructor(keys: readonly SigningKey[]) {
    this.#keys = keys;
  }

  read(token: string): TokenRead {
    const known = this.#known.get(token);
    if (known !== undefined) return known;
    const read = readToken(token, this.#keys);
    if (read.kind === 'grant') this.#known.set(token, read);
    return read;
  }
}

/** `given`: the token of an address, which its client shall get as cookies. */
function admit(
  visit: Visit,
  name: string,
  given: { readonly token: string; readonly grant: Grant } | null,
  nowSec: number,
): void {
  const held = given !== null && visit.carried?.cookies.includes(given.token);
  const cookies = given === null || held ? [] : cookiesFor(visit, name, given, nowSec);
  visit.watched.rewrite = (status, headers) => {
    const own = privateHead(headers);
    return cookies.length === 0 || status >= 400 ? own : [...own, ...cookies];
  };
}

function cookiesFor(
  { request }: Visit,
  name: string,
  { token, grant }: { readonly token: string; readonly grant: Grant },
  nowSec: number,
): HeaderPair[] {
  const secure = request.scheme === 'https' ? '; Secure' : '';
  const folders = grant.paths.filter((path) => path.endsWith('/'));
  return folders.map((folder) => [
    'set-cookie',
    `${name}=${token}; Path=${escapedPath(folder)}; Max-Age=${grant.expiresSec - nowSec}; HttpOnly; SameSite=Lax${secure}`,
  ]);
}

type Problem = Denial | Exclude<TokenRead['kind'], 'grant'> | 'missing';

const because = (told: string, detail: string): Refusal => ({
  status: 403,
  title: 'Forbidden',
  detail,
  told: `token-${told}`,
});

const refusals: Readonly<Record<Problem, Refusal>> = {
  missing: because('missing', 'This address needs a signed token, and the request has none.'),
  malformed: because('malformed', 'The token is not whole, or of a format that is not known here.'),
  'unknown-key': because('unknown-key', 'The token was signed with a key that is not known here (any more).'),
  'bad-signature': because(
    'bad-signature',
    'The signature of the token does not fit it: it was changed, or made with another secret.',
  ),
  expired: because('expired', 'The token has expired.'),
  'wrong-path': because('wrong-path', 'The token is good, but for other addresses than this one.'),
  'wrong-network': because('wrong-network', 'The token is good, but not for the network that the request came from.'),
};
