/** Which variant of an address a request selects (RFC 9111 §4.1). Pure. */
import { fieldLines, type HeaderPairs, joinedField } from './header-fields.js';

/** The header names an answer varies on: lower case, sorted, each once. */
export function varyNames(headers: HeaderPairs): readonly string[] {
  const names = fieldLines(headers, 'vary').flatMap((line) => line.split(','));
  return [...new Set(names.map((name) => name.trim().toLowerCase()).filter((name) => name !== ''))].sort();
}

/** The values a request has for those headers, as one string; whitespace around list members does not count. */
export function variantOf(names: readonly string[], request: HeaderPairs): string {
  const values = names.map((name) => {
    const value = joinedField(request, name);
    return [
      name,
      value
        .split(',')
        .map((member) => member.trim().replace(/\s+/g, ' '))
        .join(','),
    ];
  });
  return JSON.stringify(values);
}

/** The header names in what `variantOf` wrote. */
export function namesIn(variant: string): readonly string[] {
  return (JSON.parse(variant) as [string, string][]).map(([name]) => name);
}
