import type { ChildProcess } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { IngestFailureCode } from '../ingest-failure.js';
import { type Admitting, SrtConnection } from './connection.js';
import { type KeyChange, KeyTable } from './key-table.js';
import { ListenerChild, type ListenerChildHandlers } from './listener-child.js';
import type { ListenerReport } from './listener-messages.js';
import { REJECT } from './reject-reason.js';
import { DEFAULT_SRT_LIMITS, type SrtLimits } from './srt-limits.js';
import { SrtMetrics } from './srt-metrics.js';
import { hashOfKey } from './stream-id.js';

/** Who may publish, and what they must encrypt with. */
interface SrtKeySource {
  /**
   * Tells of every channel that there is, and from then on of each change, before whoever makes it is answered. Resolves after
   * the first part, with the way to stop.
   */
  follow(listener: (change: KeyChange) => void): Promise<() => void>;
}

export interface SrtServerOptions {
  readonly host: string;
  /** UDP; 0 takes any free port. */
  readonly port: number;
  readonly publishing: Admitting;
  readonly keys: SrtKeySource;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits?: Partial<SrtLimits>;
  /** For the listener's first life; default: it is started now. */
  readonly firstProcess?: ChildProcess | null;
}

/** Without libsrt the box goes on without SRT. */
export type SrtOpening =
  /** `unfiltered`: why no packet filter stands before the port; null where one does. */
  | { readonly serving: true; readonly server: SrtServer; readonly unfiltered: string | null }
  | { readonly serving: false; readonly reason: string };

type Listening = Extract<ListenerReport, { kind: 'listening' }>;
type Failed = Extract<ListenerReport, { kind: 'failed' }>;

/** A process that lived this long was well: the next restart is prompt again. */
const WELL_MS = 10_000;
/** In one command. */
const KEYS_TOGETHER = 1000;

/**
 * The SRT port: the listener's process, and the publishers that it hands over.
 *
 * Lifetime: from `openSrtServer` to `close`. A listener process that dies ends its publishers' sessions and is started
 * again on the same port, at once the first time and more slowly while it keeps dying.
 */
export class SrtServer {
  readonly #options: SrtServerOptions;
  readonly #limits: SrtLimits;
  readonly #metrics: SrtMetrics;
  readonly #connections = new Map<number, SrtConnection>();
  readonly #keys = new KeyTable();
  #unfollow: () => void = () => {};
  #isTableFull = false;
  #child: ListenerChild | null = null;
  #firstProcess: ChildProcess | null;
  #restart: NodeJS.Timeout | null = null;
  #restartMs: number;
  #address: { host: string; port: number };
  #bindHost = '';
  #opened: { resolve: (report: Listening | Failed) => void } | null = null;
  #closing = false;

  constructor(options: SrtServerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_SRT_LIMITS, ...options.limits };
    this.#metrics = new SrtMetrics(options.metrics);
    this.#firstProcess = options.firstProcess ?? null;
    this.#restartMs = this.#limits.restartMsFirst;
    this.#address = { host: options.host, port: options.port };
  }

  get address(): { readonly host: string; readonly port: number } {
    return this.#address;
  }

  /** Of the process that listens now; undefined while there is none. */
  get listenerPid(): number | undefined {
    return this.#child?.pid;
  }

  /** Use `openSrtServer`. The port opens once all keys are known. */
  async open(): Promise<Listening | Failed> {
    this.#bindHost = (await lookup(this.#options.host)).address;
    this.#unfollow = await this.#options.keys.follow((change) => this.#keyChanged(change));
    const opened = new Promise<Listening | Failed>((resolve) => {
      this.#opened = { resolve };
    });
    this.#start();
    return opened;
  }

  /** Lets every publisher go and ends the process. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    this.#unfollow();
    if (this.#restart !== null) clearTimeout(this.#restart);
    for (const connection of [...this.#connections.values()]) connection.stop('the server is closing');
    this.#child?.stop();
    const end = performance.now() + graceMs;
    // The process says goodbye to its callers and ends; that takes some milliseconds.
    while (this.#child !== null && performance.now() < end) await sleep(10);
    this.#child?.kill('closing');
    while (this.#child !== null) await sleep(10);
  }

  #start(): void {
    const startedAt = performance.now();
    const handlers: ListenerChildHandlers = {
      report: (report) => this.#report(report),
      media: (connection, piece) => this.#connections.get(connection)?.media(piece),
      ended: (why) => this.#ended(why, performance.now() - startedAt),
    };
    const child = new ListenerChild(handlers, this.#firstProcess ?? undefined);
    this.#firstProcess = null;
    this.#child = child;
    const { latencyMs, connectionsMax } = this.#limits;
    const { port } = this.#address;
    for (const put of this.#keys.pieces(KEYS_TOGETHER)) child.send({ kind: 'keys', put, drop: [] });
    child.send({ kind: 'listen', host: this.#bindHost, port, latencyMs, connectionsMax });
  }

  #ended(why: string, livedMs: number): void {
    this.#child = null;
    for (const connection of [...this.#connections.values()]) connection.lost();
    if (this.#closing) return;
    if (this.#opened !== null) {
      this.#settle({ kind: 'failed', reason: 'library', message: `the SRT listener process ended: ${why}` });
      return;
    }
    if (livedMs > WELL_MS) this.#restartMs = this.#limits.restartMsFirst;
    this.#options.log.error({ why, restartMs: this.#restartMs }, 'the SRT listener process died; it is started again');
    this.#metrics.restarts.inc();
    this.#restart = setTimeout(() => this.#start(), this.#restartMs);
    this.#restartMs = Math.min(this.#restartMs * 2, this.#limits.restartMsMax);
  }

  #report(report: ListenerReport): void {
    switch (report.kind) {
      case 'listening':
        this.#address = { host: this.#options.host, port: report.port };
        this.#settle(report);
        return;
      case 'failed':
        if (!this.#settle(report)) this.#child?.kill(report.message);
        return;
      case 'connected':
        this.#connected(report);
        return;
      case 'gone':
        this.#connections.get(report.connection)?.gone();
        return;
      case 'deaf':
        this.#metrics.deaf.inc();
        this.#child?.kill('the SRT port no longer answers callers; a malicious one can do that to libsrt before 1.5.7');
        return;
      case 'pulse':
        this.#pulse(report);
    }
  }

  /** The first answer is the opening's; false where it has been given. */
  #settle(report: Listening | Failed): boolean {
    const opened = this.#opened;
    this.#opened = null;
    opened?.resolve(report);
    return opened !== null;
  }

  #connected({
    connection: id,
    streamId,
    remoteAddress,
    encrypted,
  }: Extract<ListenerReport, { kind: 'connected' }>): void {
    const log = this.#options.log.child({ connection: `srt-${id}`, remoteAddress });
    const child = this.#child;
    const connection = new SrtConnection({
      streamId,
      remoteAddress,
      encrypted,
      mustEncrypt: (streamKey) => this.#keys.mustEncrypt(hashOfKey(streamKey)),
      link: {
        read: (on) => child?.send({ kind: 'read', connection: id, on }),
        close: () => child?.send({ kind: 'close', connection: id }),
        refuse: (streamKey, reason) => {
          const ms = this.#limits.refusedMs;
          child?.send({ kind: 'refuse', keyHash: hashOfKey(streamKey), code: REJECT[reason], ms });
        },
      },
      publishing: this.#options.publishing,
      limits: this.#limits,
      metrics: this.#metrics,
      log,
      onClosed: () => {
        this.#connections.delete(id);
        this.#metrics.connections.set(this.#connections.size);
      },
    });
    this.#connections.set(id, connection);
    this.#metrics.connections.set(this.#connections.size);
    connection.run().catch((error: unknown) => {
      log.error({ err: error }, 'SRT connection closed by an internal error');
      connection.stop(messageOf(error));
    });
  }

  #pulse({ samples, rejected, unfinished }: Extract<ListenerReport, { kind: 'pulse' }>): void {
    for (const sample of samples) this.#connections.get(sample.connection)?.sample(sample);
    for (const [code, count] of Object.entries(rejected)) this.#metrics.rejected(code, count);
    for (const keyHash of unfinished) {
      this.#metrics.unfinished();
      const encrypted = this.#keys.mustEncrypt(keyHash);
      this.#options.log.info(
        { encrypted },
        encrypted
          ? 'an SRT caller was rejected: its passphrase is wrong or missing'
          : 'an SRT caller did not finish its handshake: it may encrypt where the channel has no passphrase',
      );
    }
  }

  /** At once: whoever is told of a key may call with it. */
  #keyChanged(change: KeyChange): void {
    const difference = this.#keys.apply(change);
    if (difference !== null) {
      const { put, drop } = difference;
      if (put.length + drop.length > 0) this.#child?.send({ kind: 'keys', put, drop });
      return;
    }
    if (!this.#isTableFull) {
      this.#options.log.error(
        { channel: change.channel },
        'SRT knows as many channels as it can; others cannot use it',
      );
    }
    this.#isTableFull = true;
  }
}

/** Rejects with a Failure: `ingest.address-in-use`, `ingest.listen-failed`. */
export async function openSrtServer(options: SrtServerOptions): Promise<SrtOpening> {
  const server = new SrtServer(options);
  try {
    const report = await server.open();
    if (report.kind === 'listening') {
      const { library, version, unfiltered } = report;
      options.log.info({ library, version }, 'SRT serves');
      if (unfiltered !== null) options.log.warn({ reason: unfiltered }, 'no packet filter stands before the SRT port');
      return { serving: true, server, unfiltered };
    }
    await server.close(0);
    if (report.reason === 'library') return { serving: false, reason: report.message };
    throw listenFailure(report, options);
  } catch (error) {
    await server.close(0);
    throw error instanceof Failure ? error : listenFailure({ reason: 'listen', message: messageOf(error) }, options);
  }
}

function listenFailure(
  { reason, message }: { reason: 'in-use' | 'listen' | 'library'; message: string },
  { host, port }: SrtServerOptions,
): Failure<IngestFailureCode> {
  if (reason === 'in-use') {
    return new Failure('ingest.address-in-use', `SRT address ${host}:${port} (UDP) is in use`, {
      hint: 'Stop the program that listens there, or choose another address with --srt ADDR:PORT.',
    });
  }
  return new Failure('ingest.listen-failed', `SRT address ${host}:${port}: ${message}`, {
    hint: 'Give an address of this machine and a port that this user may bind, with --srt ADDR:PORT.',
  });
}
