import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { isPart } from './object-key.js';
import { errnoOf } from './storage-failure.js';

/** Which keys to list: those that begin with `prefix` and come after `after`. */
export interface ListingScope {
  readonly prefix: string;
  readonly after: string;
}

/** Names of one folder held at once; a larger folder is read again from where the last reading ended. */
const namesHeldMax = 2000;

/**
 * The keys of a tree of files, in byte order, opening only folders that can hold a key of the scope. A folder sorts as its
 * name with a slash behind it, which puts every key where it belongs among its neighbours' keys.
 */
export async function* keysInOrder(root: string, scope: ListingScope, folderKey = ''): AsyncGenerator<string> {
  for (let cursor = ''; ; ) {
    const { names, more } = await namesAfter(root, scope, folderKey, cursor);
    for (const name of names) {
      if (name.endsWith('/')) yield* keysInOrder(root, scope, folderKey + name);
      else yield folderKey + name;
    }
    cursor = names.at(-1) ?? '';
    if (!more) return;
  }
}

/** The first names of a folder behind `cursor` that are or hold keys of the scope, in order. */
async function namesAfter(
  root: string,
  scope: ListingScope,
  folderKey: string,
  cursor: string,
): Promise<{ names: string[]; more: boolean }> {
  let names: string[] = [];
  let more = false;
  for await (const name of namesOf(join(root, folderKey))) {
    if (name <= cursor || !inScope(folderKey + name, scope)) continue;
    names.push(name);
    if (names.length <= namesHeldMax * 2) continue;
    names = names.sort(byteOrder).slice(0, namesHeldMax);
    more = true;
  }
  names.sort(byteOrder);
  if (names.length <= namesHeldMax) return { names, more };
  return { names: names.slice(0, namesHeldMax), more: true };
}

/** The names in a folder, those of folders with a slash behind. A folder that is not there holds none. */
async function* namesOf(folder: string): AsyncGenerator<string> {
  try {
    for await (const entry of await opendir(folder)) {
      if (!isPart(entry.name)) continue;
      if (entry.isDirectory()) yield `${entry.name}/`;
      else if (entry.isFile()) yield entry.name;
    }
  } catch (error) {
    // Deleted meanwhile, or no folder at all: there is nothing to list.
    if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') throw error;
  }
}

function inScope(key: string, { prefix, after }: ListingScope): boolean {
  if (!key.endsWith('/')) return key.startsWith(prefix) && key > after;
  return (key.startsWith(prefix) || prefix.startsWith(key)) && (key > after || after.startsWith(key));
}

/** Keys are ASCII, so the order of code units is the order of bytes. */
function byteOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
