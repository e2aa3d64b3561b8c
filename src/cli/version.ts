import { readFileSync } from 'node:fs';

/** The package's version; this file stands two folders below package.json, in src as in dist. */
export const version: string = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
