import { randomUUID } from 'node:crypto';
import { openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A file that only whoever is given its descriptor can read: it has no name any more. For what a child process must know and
 * its arguments must not tell everybody on the machine. The caller closes it.
 */
export function privateFile(folder: string, text: string): number {
  const path = join(folder, `private-${randomUUID()}`);
  const descriptor = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  writeSync(descriptor, text);
  return descriptor;
}
