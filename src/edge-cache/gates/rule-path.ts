/** Paths as rules for addresses see them. Pure. */

/** One that needs no second look. */
const plain = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+\/?$/;

/**
 * The path in the one form that rules are written in: escapes undone, no empty steps. Null where servers read it differently
 * (dot segments, escaped slashes and dots, backslashes, escapes of no UTF-8): a rule that took it one way could be walked around.
 */
export function rulePath(path: string): string | null {
  if (plain.test(path)) return path;
  if (/\\|%(?![0-9A-Fa-f]{2})|%(?:2e|2f|5c|[01][0-9a-f]|7f)/i.test(path)) return null;
  const unescaped = undoneEscapes(path);
  if (unescaped === null) return null;
  if (unescaped.split('/').some((step) => step === '.' || step === '..')) return null;
  return unescaped.replace(/\/{2,}/g, '/');
}

/** Whether it is the folder, or lies in it. `folder` ends with a slash; `path` is in the form above. */
export function isIn(folder: string, path: string): boolean {
  return path.startsWith(folder) || (path.length + 1 === folder.length && folder.startsWith(path));
}

/** An escaped percent sign stays escaped. */
function undoneEscapes(path: string): string | null {
  try {
    return decodeURIComponent(path.replaceAll('%25', '%2525'));
  } catch {
    return null;
  }
}

/** Back to what stands in an address. */
export const escapedPath = (path: string): string =>
  encodeURI(path).replaceAll('%2525', '%25').replaceAll(';', '%3B').replaceAll('?', '%3F').replaceAll('#', '%23');
