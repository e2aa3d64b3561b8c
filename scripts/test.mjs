// npm test: whatever is missing, then every check and every test; the last line counts them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { browserPackage, findBrowser } from './browser.mjs';
import {
  hasLibrary,
  preferGstreamer,
  requireBuild,
  requireNode,
  requireNode24,
  requirePackages,
  requirePlayers,
  requirePrograms,
  root,
} from './prepare.mjs';

requireNode();
requirePackages();
requirePlayers();
// Whoever names files means those, and on this Node.
const named = process.argv.slice(2);
const node24 = named.length === 0 ? requireNode24() : null;
requirePrograms({
  ffmpeg: 'ffmpeg',
  ffprobe: 'ffmpeg',
  ...(findBrowser() ? {} : { chromium: browserPackage() }),
  ...(hasLibrary('libsrt') ? {} : { libsrt: 'libsrt1.5-gnutls' }),
});
preferGstreamer();
requireBuild();

const folder = mkdtempSync(join(tmpdir(), 'headwater-test-'));
// The checks want one core, and what runs on Node 24, the HTTP engines and the edge, mostly waits for deadlines.
const [checked, once24] = await Promise.all([
  run('npm', ['run', '--silent', 'check']),
  node24 === null ? [] : vitest(node24, ['--config', 'test/node24/vitest.config.ts']),
]);
const runs = [once24, await vitest(process.execPath, named)].flat();
rmSync(folder, { recursive: true, force: true });

const sum = (counts) => counts.reduce((total, count) => total + count, 0);
const failed = sum(runs.map((run) => run.failed)) + (checked === 0 ? 0 : 1);
// The checks count as one test.
console.log(`${sum(runs.map((run) => run.passed)) + (checked === 0 ? 1 : 0)} passed, ${failed} failed`);
process.exit(failed === 0 && runs.every((run) => run.passed > 0) ? 0 : 1);

/** Its exit status. */
async function run(program, args) {
  const [status] = await once(spawn(program, args, { cwd: root, stdio: 'inherit' }), 'exit');
  return status ?? 1;
}

/** Runs tests on that Node. */
async function vitest(node, words) {
  const report = join(folder, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const tested = await run(node, ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...words]);
  const { numPassedTests = 0, numFailedTests = 0 } = readReport(report);
  rmSync(report, { force: true });
  // A run that broke off without a report, or a file that did not load, counts as one failure.
  const brokeOff = tested !== 0 && numFailedTests === 0 ? 1 : 0;
  return { passed: numPassedTests, failed: numFailedTests + brokeOff };
}

function readReport(report) {
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return {};
  }
}
