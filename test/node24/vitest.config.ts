import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** What runs once more on the Node of this folder (docs/decisions/0033-once-more-on-node-24.md); scripts/test.mjs starts it. */
if (!process.versions.node.startsWith('24.'))
  throw new Error(`this is for Node 24, not ${process.versions.node}: npm test`);

export default defineConfig({
  test: {
    name: 'node24',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: [
      'src/{http,edge-cache}/**/*.test.ts',
      'test/flow/edge-alone.test.ts',
      'test/faults/upstream-faults.test.ts',
    ],
    // uWebSockets.js has no binary for it.
    testNamePattern: /^(?!.*\buws(?:-threads)? engine)/,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // Much of it waits for deadlines.
    maxWorkers: 4,
  },
});
