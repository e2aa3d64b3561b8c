/**
 * One child process that can never be left behind.
 *
 * Lifetime: `spawn` → (running) → `exit` → outputs drained, at most `DRAIN_MS` → `ended` resolves, exactly once.
 * `stop` asks (SIGTERM) and after `STOP_GRACE_MS` insists (SIGKILL); `kill` insists at once. Both reach the child's
 * whole process group.
 *
 * The child never outlives us, in three layers:
 * 1. our own exit (also by an uncaught error) kills every group still alive;
 * 2. where util-linux's `setpriv` is there (Debian and Ubuntu always have it), the kernel kills the child when the thread
 *    that started it dies, so SIGKILL on us takes the child with us. Start children from the main thread only;
 * 3. a child that reads a feed sees its stdin end, and one that writes to pipes fails on its next write.
 */
import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setPriority } from 'node:os';
import type { ChildEnd, Intent } from './ffmpeg-failure.js';

const STDERR_MAX = 32 * 1024;
const STOP_GRACE_MS = 5_000;
/** How long a reader may take to drain a dead child's pipes before they are closed under it. */
const DRAIN_MS = 5_000;

export interface ChildOptions {
  readonly stdio: StdioOptions;
  /** 0 to 19; the child's threads inherit it. */
  readonly nice?: number;
  readonly signal?: AbortSignal;
}

export class GuardedChild {
  readonly process: ChildProcess;
  readonly ended: Promise<ChildEnd>;
  #intent: Intent = null;
  #reason = '';
  #stderr = '';
  #exited = false;
  #insist: NodeJS.Timeout | null = null;

  constructor(binary: string, args: readonly string[], options: ChildOptions) {
    const [command, commandArgs] = guardedCommand(binary, args);
    const { stdio } = options;
    this.process = spawn(command, commandArgs, { stdio, detached: true, windowsHide: true, env: childEnvironment() });
    alive.add(this);
    watchOurExit();
    this.#lowerPriority(options.nice ?? 0);
    this.#collectStderr();
    this.ended = this.#awaitEnd(options.signal);
  }

  get exited(): boolean {
    return this.#exited;
  }

  /** Asks the child to finish; insists after a grace period. `reason` is what the outcome will say. */
  stop(reason: string): void {
    if (!this.#claim('stopped', reason)) return;
    this.#signal('SIGTERM');
    this.#insist = setTimeout(() => this.#signal('SIGKILL'), STOP_GRACE_MS);
  }

  kill(intent: 'killed' | 'stalled' = 'killed', reason = 'killed'): void {
    this.#claim(intent, reason);
    this.#signal('SIGKILL');
  }

  /** The first intent is the one that counts. */
  #claim(intent: Intent, reason: string): boolean {
    if (this.#exited || this.#intent !== null) return false;
    this.#intent = intent;
    this.#reason = reason;
    return true;
  }

  #signal(name: NodeJS.Signals): void {
    const { pid } = this.process;
    // After the exit the number may belong to somebody else.
    if (pid === undefined || this.#exited) return;
    try {
      process.kill(-pid, name);
    } catch {
      // ESRCH: it ended between its death and our hearing of it.
    }
  }

  #lowerPriority(nice: number): void {
    const { pid } = this.process;
    if (pid === undefined || nice === 0) return;
    try {
      setPriority(pid, nice);
    } catch {
      // Already gone; its end is reported in `ended`.
    }
  }

  #collectStderr(): void {
    const { stderr } = this.process;
    stderr?.setEncoding('utf8');
    stderr?.on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_MAX);
    });
    stderr?.on('error', () => {});
  }

  #awaitEnd(signal: AbortSignal | undefined): Promise<ChildEnd> {
    const onAbort = () => this.stop('aborted');
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    return new Promise((resolve) => {
      const settle = (code: number | null, name: NodeJS.Signals | null, spawnError: NodeJS.ErrnoException | null) => {
        signal?.removeEventListener('abort', onAbort);
        this.#release();
        resolve({ code, signal: name, spawnError, intent: this.#intent, reason: this.#reason, stderr: this.#stderr });
      };
      this.process.once('error', (error) => {
        if (this.process.pid === undefined) settle(null, null, error);
      });
      this.process.once('exit', () => this.#drainThenClose());
      this.process.once('close', (code, name) => settle(code, name, null));
    });
  }

  #release(): void {
    this.#exited = true;
    alive.delete(this);
    if (this.#insist !== null) clearTimeout(this.#insist);
  }

  /** `close` comes once all pipes are read to their end; a reader that has stopped reading must not hold it up. */
  #drainThenClose(): void {
    this.#release();
    const closing = setTimeout(() => {
      for (const stream of this.process.stdio) stream?.destroy();
    }, DRAIN_MS);
    this.process.once('close', () => clearTimeout(closing));
  }
}

const alive = new Set<GuardedChild>();
let watching = false;

function watchOurExit(): void {
  if (watching) return;
  watching = true;
  process.once('exit', () => {
    for (const child of alive) child.kill();
  });
}

/** Ours, and GPUs numbered as nvidia-smi numbers them: CUDA by itself puts the fastest first. */
const childEnvironment = (): NodeJS.ProcessEnv => ({ ...process.env, CUDA_DEVICE_ORDER: 'PCI_BUS_ID' });

const SETPRIV = '/usr/bin/setpriv';
let guard: readonly string[] | null = null;

/** Asked once: a `setpriv` of another make may not know the option, and then children run without layer 2. */
function deathGuard(): readonly string[] {
  if (guard !== null) return guard;
  const prefix = [SETPRIV, '--pdeathsig', 'KILL', '--'];
  const tried = existsSync(SETPRIV) ? spawnSync(SETPRIV, [...prefix.slice(1), '/bin/true']) : null;
  // Not run at all (no descriptor left, say): that says nothing about the next time.
  if (tried?.error !== undefined) return [];
  guard = tried?.status === 0 ? prefix : [];
  return guard;
}

function guardedCommand(binary: string, args: readonly string[]): [string, string[]] {
  const [command = binary, ...rest] = [...deathGuard(), binary, ...args];
  return [command, rest];
}
