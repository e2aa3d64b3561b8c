/** A session description as lines (RFC 8866 §5): those of the session, and those of each media section. */
export interface SdpLines {
  readonly session: readonly string[];
  readonly sections: readonly (readonly string[])[];
}

const LINES_MAX = 4096;
const LINE_LENGTH_MAX = 2048;
const SECTIONS_MAX = 16;

/** Null for what is no description, or a larger one than any publisher sends. */
export function readSdpLines(text: string): SdpLines | null {
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  if (lines.length > LINES_MAX || lines[0] !== 'v=0') return null;
  const session: string[] = [];
  const sections: string[][] = [];
  for (const line of lines) {
    if (line.length > LINE_LENGTH_MAX || !/^[a-z]=[^\0\r]*$/.test(line)) return null;
    if (line.startsWith('m=')) sections.push([]);
    (sections.at(-1) ?? session).push(line);
  }
  return sections.length <= SECTIONS_MAX ? { session, sections } : null;
}

/** The values of `a=name:value`, in order. */
export function attributes(lines: readonly string[], name: string): string[] {
  const start = `a=${name}:`;
  return lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length).trim());
}

export function attribute(lines: readonly string[], name: string): string | null {
  return attributes(lines, name)[0] ?? null;
}

export function hasFlag(lines: readonly string[], name: string): boolean {
  return lines.includes(`a=${name}`);
}
