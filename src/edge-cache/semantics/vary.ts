/** Which variant of an address a request selects (RFC 9111 §4.1). Pure. */
import { fieldLines, type HeaderPairs } from './header-fields.js';
import { listMembers } from './list-members.js';

/** The header names an answer varies on: lower case, sorted, each once. */
export function varyNames(headers: HeaderPairs): readonly string[] {
  const names = fieldLines(headers, 'vary').flatMap((line) => line.split(','));
  return [...new Set(names.map((name) => name.trim().toLowerCase()).filter((name) => name !== ''))].sort();
}

/** The values a request has for those headers, as one string: the same for values that are known to mean the same. Null: absent. */
export function variantOf(names: readonly string[], request: HeaderPairs): string {
  const values = names.map((name): Selecting => {
    const lines = fieldLines(request, name);
    return [name, lines.length === 0 ? null : normalized(name, lines.join(','))];
  });
  return JSON.stringify(values);
}

type Selecting = readonly [name: string, value: string | null];

/** Their members have weights, and mean the same in any case (RFC 9110 §12.5). */
const weighted = new Set(['accept-charset', 'accept-encoding', 'accept-language']);

/** Spaces around the members of a list mean nothing, nor does the number of lines it is cut into. */
function normalized(name: string, value: string): string {
  const members = listMembers(value);
  return (weighted.has(name) ? byWeight(members) : members).join(',');
}

/**
 * Those that are preferred first. What has the same weight stays as it stands: many servers take the first of such, though the RFC says
 * that their order means nothing.
 */
function byWeight(members: readonly string[]): readonly string[] {
  const preferences: { readonly range: string; readonly weight: number }[] = [];
  for (const member of members) {
    const [, range, weight = '1'] = /^([^;\s]+)(?:\s*;\s*q=([01](?:\.\d{0,3})?))?$/i.exec(member) ?? [];
    if (range === undefined) return members;
    preferences.push({ range: range.toLowerCase(), weight: Number(weight) });
  }
  preferences.sort((one, other) => other.weight - one.weight);
  return preferences.map(({ range, weight }) => (weight === 1 ? range : `${range};q=${weight}`));
}

/** The header names in what `variantOf` wrote. */
export function namesIn(variant: string): readonly string[] {
  return (JSON.parse(variant) as Selecting[]).map(([name]) => name);
}
