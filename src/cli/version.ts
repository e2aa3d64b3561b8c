import { readFileSync } from 'node:fs';
import { packageFolder } from '../telemetry/package-files.js';

/** The package's version. */
export const version: string = JSON.parse(readFileSync(new URL('package.json', packageFolder), 'utf8')).version;
