#!/usr/bin/env node
import { existsSync } from 'node:fs';

// A clone that has not been built yet builds itself first; an installed package is built already.
const built = new URL('../dist/programs/headwater.js', import.meta.url);
if (!existsSync(built)) {
  const { requireBuild, requireNode, requirePackages } = await import('../scripts/prepare.mjs');
  requireNode();
  requirePackages();
  requireBuild();
}
await import(built.href);
