// Makes a fresh clone ready: npm packages, system packages, a current build. Plain Node, so that it runs before npm does.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
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
  const install = ['install', '-y', '--no-install-recommends', ...missing];
  if (process.getuid?.() !== 0 || !has('apt-get')) {
    stop(
      `Missing: ${missing.join(', ')}. Install it, then run this again:`,
      `  sudo apt-get update && sudo apt-get ${install.join(' ')}`,
    );
  }
  say(`installing ${missing.join(', ')}`);
  process.env.DEBIAN_FRONTEND = 'noninteractive';
  if (!run('apt-get', ['update', '-q']) || !run('apt-get', ['-q', ...install])) {
    stop('The installation failed; see above. By hand:', `  apt-get update && apt-get ${install.join(' ')}`);
  }
}

/** `npm ci` when node_modules is missing or is not what package-lock.json says. */
export function requirePackages() {
  const stamp = join(root, 'node_modules', '.headwater-lock');
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(process.versions.modules)
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say('installing npm packages');
  if (!run('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=warn'])) {
    // better-sqlite3 compiles itself where its ready-made binary cannot be fetched.
    requirePrograms({ make: 'build-essential', 'g++': 'build-essential', python3: 'python3' });
    if (!run('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=warn'])) stop('npm ci failed; see above.');
  }
  writeFileSync(stamp, wanted);
}

function newestUnder(path) {
  const facts = statSync(path, { throwIfNoEntry: false });
  if (!facts) return 0;
  if (!facts.isDirectory()) return facts.mtimeMs;
  return readdirSync(path).reduce((newest, name) => Math.max(newest, newestUnder(join(path, name))), facts.mtimeMs);
}

/** Builds src and web into dist, unless dist is newer than all of them. */
export function requireBuild() {
  const stamp = join(root, 'dist', '.built');
  const sources = ['src', 'web', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'].map((name) =>
    join(root, name),
  );
  const built = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (sources.every((source) => newestUnder(source) <= built)) return;
  build();
}

export function build() {
  say('building');
  const startedAt = new Date();
  const bin = (name) => join(root, 'node_modules', name);
  execFileSync(process.execPath, [bin('typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  execFileSync(
    process.execPath,
    [bin('vite/bin/vite.js'), 'build', '--config', 'web/vite.config.ts', '--logLevel', 'warn'],
    {
      cwd: root,
      stdio: ['ignore', 2, 2],
    },
  );
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(join(root, 'dist', '.built'), startedAt.toISOString());
}
