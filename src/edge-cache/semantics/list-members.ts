/** The members of a field that is a list (RFC 9110 §5.6.1). Pure; takes any bytes, and never throws. */

/**
 * Split at the commas that stand outside quoted strings, trimmed; empty ones too. A quote that is never closed is no quote: it must not
 * hide what stands behind it.
 */
export function listMembers(line: string): string[] {
  const found: string[] = [];
  let start = 0;
  let mayQuote = true;
  for (let at = 0; at < line.length; at += 1) {
    if (line[at] === '"' && mayQuote) {
      const closing = closingQuote(line, at);
      if (closing === null) mayQuote = false;
      else at = closing;
    } else if (line[at] === ',') {
      found.push(line.slice(start, at).trim());
      start = at + 1;
    }
  }
  found.push(line.slice(start).trim());
  return found;
}

function closingQuote(line: string, opening: number): number | null {
  for (let at = opening + 1; at < line.length; at += 1) {
    if (line[at] === '\\') at += 1;
    else if (line[at] === '"') return at;
  }
  return null;
}
