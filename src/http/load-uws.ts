/**
 * Finds a uWebSockets.js that loads on this machine. The official one is not on the npm registry, so there are candidates:
 * the operator's own, then what the optional dependencies brought. `headwater doctor` prints the outcome.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { messageOf } from '../telemetry/failure.js';
import type { UwsModule } from './uws-face.js';

type UwsPackage = 'uWebSockets.js' | 'uws-current' | 'uws-node20';

export type UwsOutcome =
  | { readonly loaded: true; readonly package: UwsPackage; readonly uws: UwsModule; readonly tried: readonly UwsMiss[] }
  | { readonly loaded: false; readonly reason: string; readonly tried: readonly UwsMiss[] };

/** Why a candidate was passed over, in words for the operator. */
interface UwsMiss {
  readonly package: UwsPackage;
  readonly reason: string;
}

export interface LoadUwsOptions {
  /** Try `uws-current` too, which fails the contract test (4 of its 61 cases on Debian 13: it has no deadline for heads). Default false. */
  readonly untested?: boolean;
}

type Found = { readonly uws: UwsModule } | { readonly reason: string };

const require = createRequire(import.meta.url);

/** Loads the first candidate that fits. Loading is done once a process; asking again costs little. */
export function loadUws(options: LoadUwsOptions = {}): UwsOutcome {
  const candidates: [UwsPackage, () => Found][] = [
    ['uWebSockets.js', () => loadPackage('uWebSockets.js')],
    ['uws-current', () => (options.untested ? loadPackage('uws-current') : { reason: untestedReason })],
    ['uws-node20', loadNode20],
  ];
  const tried: UwsMiss[] = [];
  for (const [name, load] of candidates) {
    const found = load();
    if ('uws' in found) return { loaded: true, package: name, uws: found.uws, tried };
    tried.push({ package: name, reason: found.reason });
  }
  return { loaded: false, reason: tried.map((miss) => `${miss.package}: ${miss.reason}`).join('; '), tried };
}

const untestedReason =
  'passed over: it loads where glibc is 2.38 or newer, but never closes a connection that sends no request, and so fails the contract test';

function loadPackage(name: UwsPackage): Found {
  try {
    require.resolve(name);
  } catch {
    return { reason: 'not installed' };
  }
  return loadModule(name);
}

/**
 * This package falls back to a slow copy in JavaScript, with a warning on the console, where its binary does not load: so
 * its binary is looked for by this Node's ABI, and loaded directly.
 */
function loadNode20(): Found {
  let folder: string;
  try {
    folder = dirname(require.resolve('uws-node20/package.json'));
  } catch {
    return { reason: 'not installed' };
  }
  const file = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
  const binary = join(folder, 'binaries', file);
  if (!existsSync(binary)) {
    return { reason: `it has no binary for Node ${process.versions.node} on ${process.platform} ${process.arch}` };
  }
  return loadModule(binary);
}

function loadModule(specifier: string): Found {
  try {
    const loaded: unknown = require(specifier);
    return isUws(loaded)
      ? { uws: loaded }
      : { reason: 'it loads, but is not the uWebSockets.js that this engine knows' };
  } catch (error) {
    return { reason: messageOf(error).replace(/\s+/g, ' ').slice(0, 400) };
  }
}

function isUws(loaded: unknown): loaded is UwsModule {
  if (typeof loaded !== 'object' || loaded === null) return false;
  const names = ['App', 'SSLApp', 'us_listen_socket_close', 'us_socket_local_port', '_cfg'];
  return names.every((name) => name in loaded && typeof Reflect.get(loaded, name) === 'function');
}
