import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Tests that start worker threads or a whole box run the built tree; build it once (incremental) before any of them. */
export default function setup(): void {
  execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: 'inherit',
  });
}
