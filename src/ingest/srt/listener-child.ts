import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../telemetry/failure.js';
import { builtProgram } from '../../telemetry/package-files.js';
import type { ListenerCommand, ListenerReport } from './listener-messages.js';
import { FrameReader } from './pipe-frames.js';

const PROGRAM = fileURLToPath(builtProgram('srt-listener'));
const STDERR_MAX = 4096;
/** Commands that the process has not read. */
const COMMAND_BYTES_MAX = 64 * 1024 * 1024;
/** The process reports every second. So many checks in a row without a sign, and it hangs. */
const SILENT_CHECKS_MAX = 5;
const CHECK_MS = 2000;
const PROBE_MS = 10_000;

export interface ListenerChildHandlers {
  readonly report: (report: ListenerReport) => void;
  /** Valid during the call alone. */
  readonly media: (connection: number, piece: Buffer) => void;
  /** The process is gone; `why` is for the log. */
  readonly ended: (why: string) => void;
}

/** It loads its library at once, and then waits for a `ListenerChild`. */
export function startListenerProcess(): ChildProcess {
  const child = spawn(process.execPath, [PROGRAM], { stdio: ['pipe', 'ignore', 'pipe', 'pipe'] });
  child.on('error', () => {});
  return child;
}

/**
 * One life of the listener's process.
 *
 * Lifetime: from construction to `ended`, which is called exactly once. It ends when `kill` is called, when it dies, says
 * nonsense, or is silent for ten seconds; and with us, because its stdin ends then.
 */
export class ListenerChild {
  readonly #process: ChildProcess;
  readonly #handlers: ListenerChildHandlers;
  readonly #watch: NodeJS.Timeout;
  #stderr = '';
  #why = '';
  #silentChecks = 0;
  #over = false;

  /** `child`: one that was started before, and was told nothing yet. */
  constructor(handlers: ListenerChildHandlers, child = startListenerProcess()) {
    this.#handlers = handlers;
    this.#process = child;
    this.#process.on('error', (error) => this.#end(messageOf(error)));
    this.#process.on('exit', (code, signal) => this.#end(signal ?? `exit code ${code}`));
    this.#process.stdin?.on('error', () => {});
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_MAX);
    });
    this.#readPipe();
    this.#watch = setInterval(() => this.#check(), CHECK_MS);
    const { exitCode, signalCode, pid } = child;
    if (exitCode !== null || signalCode !== null || pid === undefined) {
      setImmediate(() => this.#end(signalCode ?? (pid === undefined ? 'it did not start' : `exit code ${exitCode}`)));
    }
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  send(command: ListenerCommand): void {
    const { stdin } = this.#process;
    if (this.#over || stdin === null || !stdin.writable) return;
    stdin.write(`${JSON.stringify(command)}\n`);
    if (stdin.writableLength > COMMAND_BYTES_MAX) this.kill('it does not read its commands');
  }

  /** Asks it to let its callers go and to end. */
  stop(): void {
    this.send({ kind: 'stop' });
    this.#process.stdin?.end();
  }

  kill(why: string): void {
    this.#why ||= why;
    this.#process.kill('SIGKILL');
  }

  #readPipe(): void {
    const pipe = this.#process.stdio[3] as Readable | null;
    const frames = new FrameReader({
      report: (json) => this.#report(json),
      media: (connection, piece) => this.#handlers.media(connection, piece),
    });
    pipe?.on('error', () => {});
    pipe?.on('data', (bytes: Buffer) => {
      this.#silentChecks = 0;
      if (!this.#over && !frames.push(bytes)) this.kill('it wrote what is no frame');
    });
  }

  #report(json: string): void {
    this.#handlers.report(JSON.parse(json) as ListenerReport);
  }

  /** Counts checks, not time: after a stop of our own process the first check must not condemn the other. */
  #check(): void {
    this.#silentChecks++;
    if (this.#silentChecks >= SILENT_CHECKS_MAX) this.kill('it hangs');
  }

  #end(how: string): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#watch);
    const said = this.#stderr.trim();
    this.#handlers.ended([this.#why || how, said].filter((text) => text !== '').join(': '));
  }
}

export type LibSrtProbe =
  /** `unfiltered`: why no packet filter can stand before the port; null where one can. */
  | { readonly library: string; readonly version: string; readonly unfiltered: string | null }
  | { readonly missing: string };

/** Which libsrt the listener would load, asked in a process of its own. */
export function probeLibSrt(): Promise<LibSrtProbe> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [PROGRAM, 'probe'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const deadline = setTimeout(() => child.kill('SIGKILL'), PROBE_MS);
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text = (text + part).slice(0, STDERR_MAX);
    });
    child.on('error', () => {});
    child.on('close', () => {
      clearTimeout(deadline);
      resolve(readProbe(text));
    });
  });
}

function readProbe(text: string): LibSrtProbe {
  try {
    return JSON.parse(text) as LibSrtProbe;
  } catch {
    return { missing: 'the listener process did not start' };
  }
}
