/** How addresses are read: those of a Headwater box, or of any server that an edge stands before. Pure. */
import { type AskedAddress, anywhere, readAskedAddress } from './asked-address.js';
import { isUnder, meaningfulQuery, readPlainTarget, readTarget, type Target } from './cache-key.js';

export interface AddressRules {
  target(path: string, query: string): Target;
  /** What of the query is in the key, and goes upstream. */
  query(path: string, query: string): string;
  /** `query` as above. */
  read(path: string, query: string): AskedAddress;
  /** The API's, which does not go through the cache. */
  isPassed(path: string): boolean;
  /** Clients' cookies go upstream. */
  readonly cookies: boolean;
}

/** What is the API's: its own routes, and WHIP publishers. */
const passedRoots = ['/v1', '/whip'];

export const boxAddresses: AddressRules = {
  target: readTarget,
  query: meaningfulQuery,
  read: readAskedAddress,
  isPassed: (path) => passedRoots.some((root) => isUnder(path, root)),
  cookies: false,
};

/** Nothing is known of them: they are taken as they come, and the answers alone say how they are kept. */
export const anyAddresses: AddressRules = {
  target: readPlainTarget,
  query: (_path, query) => query,
  read: (_path, query) => anywhere(query),
  isPassed: () => false,
  cookies: true,
};
