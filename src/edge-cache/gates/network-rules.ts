/** Gate: from where requests may come, by network and by country. */
import type { CountryNetworks } from './country-networks.js';
import type { GateMetrics } from './gate-metrics.js';
import type { IpAddress } from './ip-address.js';
import { type IpNetwork, NetworkSet } from './ip-network.js';
import { isIn } from './rule-path.js';
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

interface Judge {
  readonly prefix: string | null;
  readonly deny: NetworkSet;
  /** Null: everybody else may. */
  readonly allow: NetworkSet | null;
}

/** Null: there are no rules. `source.current` may be replaced at any time by the same rules with another list of countries. */
export function networkGate(source: { readonly current: NetworkRules }, metrics: GateMetrics): Gate | null {
  let rules = source.current;
  let judges = judgesOf(rules);
  if (judges.length === 0) return null;
  const byPath = judges.some(({ prefix }) => prefix !== null);
  return (visit) => {
    if (rules !== source.current) {
      rules = source.current;
      judges = judgesOf(rules);
    }
    const path = byPath ? visit.rulePath : visit.request.path;
    if (path === null) return ambiguousPath;
    for (const judge of judges) {
      if (judge.prefix !== null && !isIn(judge.prefix, path)) continue;
      if (admits(judge, visit.client)) continue;
      metrics.refused('network');
      return elsewhere;
    }
    return null;
  };
}

function judgesOf({ everywhere, prefixes, countries }: NetworkRules): Judge[] {
  const all = [judgeOf(null, everywhere, countries), ...prefixes.map((rule) => judgeOf(rule.prefix, rule, countries))];
  return all.filter(({ deny, allow }) => !deny.isEmpty || allow !== null);
}

function judgeOf(prefix: string | null, rule: NetworkRule, countries: CountryNetworks): Judge {
  const named = [...rule.allow, ...rule.countries.flatMap((country) => countries.get(country) ?? [])];
  const isClosed = rule.allow.length > 0 || rule.countries.length > 0;
  return { prefix, deny: new NetworkSet(rule.deny), allow: isClosed ? new NetworkSet(named) : null };
}

/** A client without an address is nowhere. */
function admits({ deny, allow }: Judge, client: IpAddress | null): boolean {
  if (client === null) return false;
  return !deny.has(client) && (allow === null || allow.has(client));
}

const elsewhere: Refusal = {
  status: 403,
  title: 'Forbidden',
  detail: 'This address is not served to the network that the request came from.',
  told: 'network',
};
