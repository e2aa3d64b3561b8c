import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { DecoderConfig, Frame } from '../../media/frame.js';
import { Failure } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import { builtProgram } from '../../telemetry/package-files.js';
import type { IngestFailureCode } from '../ingest-failure.js';
import {
  type ChildCommand,
  type ChildReport,
  type ChildStart,
  controlBlock,
  type PipeMessage,
  PipeReader,
} from './child-messages.js';
import type { MediaAgreement, MediaStats } from './rtp/media-session.js';

/** Who one session's transport talks to. Nothing comes after `onClosed`, which comes once, but not after `close`. */
export interface TransportEvents {
  onConnected(): void;
  onConfig(config: DecoderConfig): void;
  onFrame(frame: Frame): void;
  onStats(stats: MediaStats): void;
  onClosed(reason: string): void;
}

export interface Transport {
  addCandidates(candidates: readonly string[]): void;
  /** Frames were dropped: nothing goes on before the next key. */
  needKey(): void;
  close(): void;
}

export type TransportOpening =
  | { readonly ok: true; readonly transport: Transport; readonly answer: string }
  | { readonly ok: false; readonly message: string };

export interface WebrtcProcessOptions extends ChildStart {
  readonly log: Log;
  /** The process ended by itself, and a new one will be started. */
  readonly onDeath: () => void;
}

interface Open {
  readonly events: TransportEvents;
  /** Set until the library has answered. */
  answered: ((opening: { readonly answer: string } | { readonly message: string }) => void) | null;
}

type Unable = ChildReport & { readonly type: 'unable' };

const ANSWER_MS = 5000;
const CLOSE_MS = 1000;
/** Seconds without a word, after which the process counts as hung. */
const SILENT_SEC_MAX = 10;
const RESTART_MS = { first: 100, most: 10_000 };
/** One that ran this long did well: its successor starts at once. */
const DID_WELL_MS = 60_000;
const LAST_WORDS_MAX = 2000;

/**
 * Owns the process that runs WebRTC, and knows the sessions in it.
 *
 * Lifetime: `openWebrtcProcess` → *running* ⇄ *down* (it died; a new one starts after 0.1 to 10 s, on the same port) → `close`.
 * Where the native library can't be loaded it is *unable* from the start, for good. A death closes all sessions.
 */
export class WebrtcProcess {
  readonly #options: WebrtcProcessOptions;
  readonly #open = new Map<number, Open>();
  #child: ChildProcess | null = null;
  #port: number;
  #running = false;
  /** At least once: from then on an end is one to be mended. */
  #served = false;
  #unable: string | null = null;
  #closed = false;
  #lastSession = 0;
  #silentSec = 0;
  #startedMs = 0;
  #restartMs = RESTART_MS.first;
  #lastWords = '';
  readonly #watch: NodeJS.Timeout;
  #restarting: NodeJS.Timeout | null = null;

  /** Use `openWebrtcProcess`, which waits for the port. */
  constructor(options: WebrtcProcessOptions) {
    this.#options = options;
    this.#port = options.port;
    this.#watch = setInterval(() => this.#watchSilence(), 1000);
  }

  /** The bound UDP port. */
  get port(): number {
    return this.#port;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Why there is no WebRTC here, for good; null while there is. */
  get unable(): string | null {
    return this.#unable;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Resolves when the process serves or has given up; null where it serves. */
  start(): Promise<Unable | null> {
    return new Promise((resolve) => this.#start(resolve));
  }

  /** Opens one session's transport. `offer` is one that we have written ourselves. */
  async openTransport(offer: string, agreement: MediaAgreement, events: TransportEvents): Promise<TransportOpening> {
    if (!this.#running) return { ok: false, message: 'the WebRTC process is being started' };
    const session = ++this.#lastSession;
    const open: Open = { events, answered: null };
    this.#open.set(session, open);
    this.#send({ type: 'open', session, offer, agreement });
    const opening = await this.#answer(open);
    open.answered = null;
    if ('message' in opening) {
      this.#close(session);
      return { ok: false, message: opening.message };
    }
    return { ok: true, answer: opening.answer, transport: this.#transport(session) };
  }

  /** Lets the process say goodbye to its publishers; resolves when it has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#watch);
    if (this.#restarting !== null) clearTimeout(this.#restarting);
    for (const session of this.#open.keys()) this.#send({ type: 'close', session });
    this.#closeAll('the server is closing');
    const child = this.#child;
    if (child === null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.stdin?.end();
    const insist = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS);
    await ended;
    clearTimeout(insist);
  }

  #answer(open: Open): Promise<{ readonly answer: string } | { readonly message: string }> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve({ message: 'the WebRTC process does not answer' }), ANSWER_MS);
      open.answered = (opening) => {
        clearTimeout(timer);
        resolve(opening);
      };
    });
  }

  #transport(session: number): Transport {
    const tell = (command: ChildCommand) => {
      if (this.#open.has(session)) this.#send(command);
    };
    return {
      addCandidates: (candidates) => tell({ type: 'candidates', session, candidates }),
      needKey: () => tell({ type: 'need-key', session }),
      close: () => this.#close(session),
    };
  }

  #close(session: number): void {
    if (this.#open.delete(session)) this.#send({ type: 'close', session });
  }

  #send(command: ChildCommand): void {
    if (this.#running) this.#child?.stdin?.write(controlBlock(command));
  }

  #start(onSettled: (unable: Unable | null) => void): void {
    const { host, bitrateMaxBps } = this.#options;
    const start: ChildStart = { host, port: this.#port, bitrateMaxBps };
    const args = [fileURLToPath(builtProgram('webrtc-child')), JSON.stringify(start)];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#silentSec = 0;
    this.#startedMs = Date.now();
    this.#lastWords = '';
    let unable: Unable | null = null;
    const onControl = (report: ChildReport) => {
      if (report.type === 'unable') unable = report;
      if (report.type !== 'ready') return this.#take(report);
      this.#serving(report.port);
      onSettled(null);
    };
    this.#listen(child, onControl);
    child.once('close', (code, signal) => {
      this.#ended(unable, signal ?? `code ${code}`);
      onSettled(unable ?? { type: 'unable', cause: 'listen-failed', message: `it ended with ${signal ?? code}` });
    });
  }

  #serving(port: number): void {
    this.#port = port;
    this.#running = true;
    this.#served = true;
    this.#options.log.info({ port, pid: this.pid }, 'the WebRTC process serves');
  }

  #listen(child: ChildProcess, onControl: (report: ChildReport) => void): void {
    const reader = new PipeReader<ChildReport>((message) => {
      if (message.kind === 'control') onControl(message.control);
      else this.#media(message);
    });
    const pipe = child.stdio[3] as Readable;
    pipe.on('data', (bytes: Buffer) => {
      this.#silentSec = 0;
      try {
        reader.push(bytes);
      } catch (error) {
        this.#options.log.error({ err: error }, 'the WebRTC process sends nonsense');
        child.kill('SIGKILL');
      }
    });
    // A pipe that breaks is followed by the end of the process, which is what counts.
    for (const stream of [pipe, child.stdin, child.stderr]) stream?.on('error', () => {});
    child.on('error', () => {});
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS_MAX);
    });
  }

  #media(message: Exclude<PipeMessage<ChildReport>, { readonly kind: 'control' }>): void {
    const events = this.#open.get(message.session)?.events;
    if (message.kind === 'config') events?.onConfig(message.config);
    else events?.onFrame(message.frame);
  }

  #take(report: Exclude<ChildReport, { readonly type: 'ready' }>): void {
    switch (report.type) {
      case 'opened':
        this.#open.get(report.session)?.answered?.(report);
        return;
      case 'not-opened':
        this.#open.get(report.session)?.answered?.(report);
        return;
      case 'connected':
        this.#open.get(report.session)?.events.onConnected();
        return;
      case 'closed':
        this.#sessionClosed(report.session, report.reason);
        return;
      case 'stats':
        for (const { session, stats } of report.sessions) this.#open.get(session)?.events.onStats(stats);
        return;
      case 'unable':
        return;
    }
  }

  #sessionClosed(session: number, reason: string): void {
    const open = this.#open.get(session);
    if (!this.#open.delete(session)) return;
    open?.answered?.({ message: reason });
    open?.events.onClosed(reason);
  }

  #closeAll(reason: string): void {
    for (const session of [...this.#open.keys()]) this.#sessionClosed(session, reason);
  }

  #ended(unable: Unable | null, how: string): void {
    this.#running = false;
    this.#child = null;
    this.#closeAll('the WebRTC process ended');
    if (this.#closed) return;
    const { log, onDeath } = this.#options;
    if (unable?.cause === 'not-loaded') {
      this.#unable = unable.message;
      return;
    }
    log.error({ how, reason: unable?.message, stderr: this.#lastWords }, 'the WebRTC process ended');
    // The first start is the caller's affair.
    if (!this.#served) return;
    onDeath();
    this.#restart();
  }

  #restart(): void {
    if (Date.now() - this.#startedMs > DID_WELL_MS) this.#restartMs = RESTART_MS.first;
    this.#restarting = setTimeout(() => this.#start(() => {}), this.#restartMs);
    this.#restartMs = Math.min(RESTART_MS.most, this.#restartMs * 2);
  }

  /** Counted in turns of our own loop, so that it is never our own silence. */
  #watchSilence(): void {
    if (this.#child === null || ++this.#silentSec < SILENT_SEC_MAX) return;
    this.#options.log.error({}, 'the WebRTC process says nothing and is ended');
    this.#child.kill('SIGKILL');
  }
}

/**
 * Rejects with a Failure where the port can't be had: `ingest.address-in-use`, `ingest.listen-failed`. Where the library
 * can't be loaded it resolves all the same: then it is `unable`.
 */
export async function openWebrtcProcess(options: WebrtcProcessOptions): Promise<WebrtcProcess> {
  const webrtc = new WebrtcProcess(options);
  const unable = await webrtc.start();
  if (unable === null || unable.cause === 'not-loaded') return webrtc;
  await webrtc.close();
  throw listenFailure(unable, options);
}

function listenFailure({ cause, message }: Unable, { host, port }: ChildStart): Failure<IngestFailureCode> {
  const inUse = cause === 'in-use';
  return new Failure(
    inUse ? 'ingest.address-in-use' : 'ingest.listen-failed',
    `WebRTC address ${host}:${port}: ${message}`,
    {
      hint: inUse
        ? 'Stop the program that has this UDP port, choose another address with --webrtc ADDR:PORT, or set webrtc.listen to null.'
        : 'Give an address of this machine and a UDP port that this user may bind, with --webrtc ADDR:PORT.',
    },
  );
}
