import { existsSync } from 'node:fs';

/**
 * Files of this package, found from wherever the code that asks runs: from its source (tests), from a module of dist, or from
 * one of the programs that are bundled of those.
 */
export const packageFolder: URL = folderWith('package.json', import.meta.url);

/**
 * A program that runs in a process or a thread of its own. Those run JavaScript alone, so it is the built one for sources too.
 *
 * @param name of an entry in scripts/bundle.mjs
 */
export function builtProgram(name: 'catalog-thread' | 'door-thread' | 'srt-listener' | 'webrtc-child'): URL {
  return new URL(`dist/programs/${name}.js`, packageFolder);
}

function folderWith(name: string, from: string): URL {
  const folder = new URL('./', from);
  if (existsSync(new URL(name, folder))) return folder;
  if (folder.pathname === '/') throw new Error(`There is no ${name} at or above the code: install the whole package.`);
  return folderWith(name, new URL('../', folder).href);
}
