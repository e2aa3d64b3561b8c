/** Gate: from where requests may come, by network and by country. */
import type { CountryNetworks } from './country-networks.js';
import type { GateCounts } from './gate-metrics.js';
import type { IpAddress } from './ip-address.js';
import { type IpNetwork, type NetworkRanges, NetworkSet, sharedRanges } from './ip-network.js';
import { isIn, rulePath } from './rule-path.js';
import { ambiguousPath, type Gate, type Refusal } from './visit.js';

/** Who is in `deny` may not. Where `allow` or `countries` name anybody, nobody else may. */
export interface NetworkRule {
  readonly allow: readonly IpNetwork[];
  readonly deny: readonly IpNetwork[];
  /** Two capital letters each (ISO 3166-1), as in the list of countries. */
  readonly countries: readonly string[];
}

export interface NetworkRules {
  /** For everything. */
  readonly everywhere: NetworkRule;
  /** For what lies in `prefix` (`/live/`), on top; all that fit count. */
  readonly prefixes: readonly (NetworkRule & { readonly prefix: string })[];
  readonly countries: CountryNetworks;
}

/** The rules of an edge, and who is to know when others take their place. */
export class CurrentRules {
  readonly #listeners = new Set<() => void>();
  #current: NetworkRules;

  constructor(rules: NetworkRules) {
    this.#current = rules;
  }

  get current(): NetworkRules {
    return this.#current;
  }

  /** By the same rules with another list of countries. */
  replace(rules: NetworkRules): void {
    this.#current = rules;
    for (const listener of this.#listeners) listener();
  }

  /** @returns a function that ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** One rule as it is applied. */
export interface Judge {
  readonly prefix: string | null;
  readonly deny: NetworkRanges;
  /** Null: everybody else may. */
  readonly allow: NetworkRanges | null;
}

/** None: there are no rules. Fit for other threads. */
export function judgesOf({ everywhere, prefixes, countries }: NetworkRules): Judge[] {
  const all = [judgeOf(null, everywhere, countries), ...prefixes.map((rule) => judgeOf(rule.prefix, rule, countries))];
  return all.filter(({ deny, allow }) => deny.ipv4.count + deny.ipv6.count > 0 || allow !== null);
}

function judgeOf(prefix: string | null, rule: NetworkRule, countries: CountryNetworks): Judge {
  const named = [...rule.allow, ...rule.countries.flatMap((country) => countries.get(country) ?? [])];
  const isClosed = rule.allow.length > 0 || rule.countries.length > 0;
  return { prefix, deny: sharedRanges(rule.deny), allow: isClosed ? sharedRanges(named) : null };
}

/** Judges requests as `source` says, whose judges may be replaced at any time, by as many for the same prefixes. */
export class NetworkCourt {
  readonly #source: { readonly judges: readonly Judge[] };
  readonly #byPath: boolean;
  #judges: readonly Judge[];
  #rules: readonly Rule[];

  constructor(source: { readonly judges: readonly Judge[] }) {
    this.#source = source;
    this.#judges = source.judges;
    this.#rules = source.judges.map(ruleFrom);
    this.#byPath = source.judges.some(({ prefix }) => prefix !== null);
  }

  /** `ambiguous`: rules cannot be applied to this path. */
  verdict(asked: string, client: IpAddress | null): 'admitted' | 'ambiguous' | 'elsewhere' {
    if (this.#judges !== this.#source.judges) {
      this.#judges = this.#source.judges;
      this.#rules = this.#judges.map(ruleFrom);
    }
    const path = this.#byPath ? rulePath(asked) : asked;
    if (path === null) return 'ambiguous';
    for (const rule of this.#rules) {
      if (rule.prefix !== null && !isIn(rule.prefix, path)) continue;
      if (!admits(rule, client)) return 'elsewhere';
    }
    return 'admitted';
  }
}

/** Null: there are no rules. */
export function networkGate(source: { readonly judges: readonly Judge[] }, metrics: GateCounts): Gate | null {
  if (source.judges.length === 0) return null;
  const court = new NetworkCourt(source);
  return ({ request, client }) => {
    const verdict = court.verdict(request.path, client);
    if (verdict === 'admitted') return null;
    if (verdict === 'ambiguous') return ambiguousPath;
    metrics.refused('network');
    return elsewhere;
  };
}

interface Rule {
  readonly prefix: string | null;
  readonly deny: NetworkSet;
  readonly allow: NetworkSet | null;
}

const ruleFrom = ({ prefix, deny, allow }: Judge): Rule => ({
  prefix,
  deny: new NetworkSet(deny),
  allow: allow && new NetworkSet(allow),
});

/** A client without an address is nowhere. */
function admits({ deny, allow }: Rule, client: IpAddress | null): boolean {
  if (client === null) return false;
  return !deny.has(client) && (allow === null || allow.has(client));
}

const elsewhere: Refusal = {
  status: 403,
  title: 'Forbidden',
  detail: 'This address is not served to the network that the request came from.',
  told: 'network',
};
