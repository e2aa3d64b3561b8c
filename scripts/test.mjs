// npm test: whatever is missing, then every check and every test; the last line counts them.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { browserPackage, findBrowser } from './browser.mjs';
import {
  hasLibrary,
  preferGstreamer,
  requireBuild,
  requireNode,
  requirePackages,
  requirePlayers,
  requirePrograms,
  root,
} from './prepare.mjs';

requireNode();
requirePackages();
requirePlayers();
requirePrograms({
  ffmpeg: 'ffmpeg',
  ffprobe: 'ffmpeg',
  ...(findBrowser() ? {} : { chromium: browserPackage() }),
  ...(hasLibrary('libsrt') ? {} : { libsrt: 'libsrt1.5-gnutls' }),
});
preferGstreamer();
requireBuild();

const npm = (args) => spawnSync('npm', ['run', '--silent', ...args], { cwd: root, stdio: 'inherit' }).status ?? 1;
const checked = npm(['check']);

const folder = mkdtempSync(join(tmpdir(), 'headwater-test-'));
const report = join(folder, 'report.json');
const tested = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit' },
).status;
const { numPassedTests = 0, numFailedTests = 0 } = readReport();
rmSync(folder, { recursive: true, force: true });

// The checks count as one test; a run that broke off without a report, or a file that did not load, counts as one failure.
const brokeOff = tested !== 0 && numFailedTests === 0 ? 1 : 0;
const failed = numFailedTests + brokeOff + (checked === 0 ? 0 : 1);
console.log(`${numPassedTests + (checked === 0 ? 1 : 0)} passed, ${failed} failed`);
process.exit(failed === 0 && numPassedTests > 0 ? 0 : 1);

function readReport() {
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return {};
  }
}
