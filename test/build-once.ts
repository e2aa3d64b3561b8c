import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Tests that start worker threads or a whole box run the built tree; build it once (incremental) before any of them.
 * A type error still emits: `npm run check` is where it fails, so that one half-written file does not hide every test.
 */
export default function setup(): void {
  const root = fileURLToPath(new URL('..', import.meta.url));
  for (const command of [['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], ['scripts/bundle.mjs']]) {
    spawnSync('node', command, { cwd: root, stdio: 'inherit' });
  }
}
