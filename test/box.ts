import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freeDoors } from './box-arguments.mjs';

/** A real box, as a user runs it: the built command in a process of its own, on free ports, in a folder that goes away. */
const program = fileURLToPath(new URL('../bin/headwater.js', import.meta.url));

export interface TestBox {
  readonly data: string;
  readonly pid: number;
  readonly http: string;
  readonly rtmp: string;
  readonly admin: string;
  /** All that ready.json says: ADDR:PORT by door. */
  readonly ready: Readonly<Record<string, string>>;
  /** What it printed to stdout and stderr so far. */
  printed(): string;
  /** Runs a command against this box; rejects with stderr when it fails. */
  command(...args: string[]): Promise<string>;
  json<Answer>(...args: string[]): Promise<Answer>;
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

const running = new Set<ChildProcess>();
const folders = new Set<string>();

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'headwater-test-'));
  folders.add(folder);
  return folder;
}

/** Call in afterAll: ends what is still running and removes the folders. */
export async function cleanUp(): Promise<void> {
  await Promise.all([...running].map((child) => end(child, 'SIGKILL')));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    child.once('exit', (code) => resolve(code));
    child.kill(signal);
  });
}

export async function startBox(
  options: {
    data?: string;
    verb?: readonly string[];
    /** Default: every door on a free port. */
    doors?: readonly string[];
    args?: readonly string[];
    wrap?: readonly string[];
  } = {},
): Promise<TestBox> {
  const data = options.data ?? join(newFolder(), 'data');
  const ready = join(newFolder(), 'ready.json');
  const box = [process.execPath, program, ...(options.verb ?? ['up']), '--data', data, '--ready-file', ready];
  const [command = '', ...args] = [
    ...(options.wrap ?? []),
    ...box,
    ...(options.doors ?? freeDoors),
    ...(options.args ?? []),
  ];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: testEnvironment(data) });
  running.add(child);
  let printed = '';
  const keep = (text: string) => {
    printed = (printed + text).slice(-200_000);
  };
  child.stdout?.setEncoding('utf8').on('data', keep);
  child.stderr?.setEncoding('utf8').on('data', keep);
  child.once('exit', () => running.delete(child));
  await until(
    () => existsSync(ready) || child.exitCode !== null,
    60_000,
    () => `the box did not start:\n${printed}`,
  );
  if (!existsSync(ready)) throw new Error(`the box ended at its start:\n${printed}`);
  const addresses = JSON.parse(readFileSync(ready, 'utf8')) as Record<string, string>;
  const { http = '', rtmp = '', admin = '' } = addresses;
  const run = (...words: string[]) => runCommand(data, words);
  return {
    data,
    pid: child.pid ?? 0,
    http: `http://${http}`,
    rtmp,
    admin: `http://${admin}`,
    ready: addresses,
    printed: () => printed,
    command: async (...words) => (await run(...words)).stdout,
    json: async (...words) => JSON.parse((await run(...words, '--json')).stdout),
    kill: (signal) => end(child, signal),
  };
}

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
}

/** Rejects with `Error & CommandResult` when the command exits non-zero. */
export function runCommand(data: string, words: readonly string[]): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [program, ...words, '--data', data],
      { env: testEnvironment(data), timeout: 120_000 },
      (error, stdout, stderr) => {
        if (error) reject(Object.assign(error, { stdout, stderr }));
        else resolve({ stdout, stderr });
      },
    );
  });
}

/** The result of a command that must fail. */
export async function failedCommand(data: string, words: readonly string[]): Promise<CommandResult> {
  try {
    await runCommand(data, words);
  } catch (error) {
    return error as CommandResult;
  }
  throw new Error(`headwater ${words.join(' ')} succeeded`);
}

function testEnvironment(data: string): NodeJS.ProcessEnv {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HEADWATER_')));
  return { ...inherited, XDG_STATE_HOME: `${data}.state` };
}

/** Polls until the condition holds; the deadline only bounds a broken run. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  deadlineMs: number,
  words: () => string = () => 'the condition never held',
  everyMs = 100,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(words());
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
