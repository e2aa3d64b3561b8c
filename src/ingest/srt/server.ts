import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { IngestFailureCode } from '../ingest-failure.js';
import { type Admitting, SrtConnection } from './connection.js';
import { ListenerChild } from './listener-child.js';
import type { KeyPassphrase, ListenerReport } from './listener-messages.js';
import { REJECT } from './reject-reason.js';
import { DEFAULT_SRT_LIMITS, type SrtLimits } from './srt-limits.js';
import { SrtMetrics } from './srt-metrics.js';
import { hashOfKey } from './stream-id.js';

/** What publishers must encrypt with, by their stream keys. */
interface SrtPassphraseSource {
  all(): Promise<readonly { readonly streamKey: string; readonly passphrase: string }[]>;
  /** The listener is called after each change; the answer is the way to stop. */
  onChange(listener: () => void): () => void;
}

export interface SrtServerOptions {
  readonly host: string;
  /** UDP; 0 takes any free port. */
  readonly port: number;
  readonly publishing: Admitting;
  readonly passphrases: SrtPassphraseSource;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits?: Partial<SrtLimits>;
}

/** Without libsrt the box goes on without SRT. */
export type SrtOpening =
  | { readonly serving: true; readonly server: SrtServer }
  | { readonly serving: false; readonly reason: string };

type Listening = Extract<ListenerReport, { kind: 'listening' }>;
type Failed = Extract<ListenerReport, { kind: 'failed' }>;

/** A process that lived this long was well: the next restart is prompt again. */
const WELL_MS = 10_000;
/** Changes of many channels at once are sent together. */
const CHANGES_MS = 50;

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
  readonly #unfollow: () => void;
  #passphrases: readonly KeyPassphrase[] = [];
  #mustEncrypt = new Set<string>();
  #child: ListenerChild | null = null;
  #restart: NodeJS.Timeout | null = null;
  #restartMs: number;
  #changes: NodeJS.Timeout | null = null;
  #address: { host: string; port: number };
  #bindHost = '';
  #opened: { resolve: (report: Listening | Failed) => void } | null = null;
  #closing = false;

  constructor(options: SrtServerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_SRT_LIMITS, ...options.limits };
    this.#metrics = new SrtMetrics(options.metrics);
    this.#restartMs = this.#limits.restartMsFirst;
    this.#address = { host: options.host, port: options.port };
    this.#unfollow = options.passphrases.onChange(() => this.#passphrasesChanged());
  }

  get address(): { readonly host: string; readonly port: number } {
    return this.#address;
  }

  /** Of the process that listens now; undefined while there is none. */
  get listenerPid(): number | undefined {
    return this.#child?.pid;
  }

  /** Use `openSrtServer`. Nobody is let in before the passphrases are known. */
  async open(): Promise<Listening | Failed> {
    this.#bindHost = (await lookup(this.#options.host)).address;
    await this.#loadPassphrases();
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
    if (this.#changes !== null) clearTimeout(this.#changes);
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
    const child = new ListenerChild({
      report: (report) => this.#report(report),
      media: (connection, piece) => this.#connections.get(connection)?.media(piece),
      ended: (why) => this.#ended(why, performance.now() - startedAt),
    });
    this.#child = child;
    const { latencyMs, connectionsMax } = this.#limits;
    const { port } = this.#address;
    const passphrases = this.#passphrases;
    child.send({ kind: 'listen', host: this.#bindHost, port, latencyMs, connectionsMax, passphrases });
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
      mustEncrypt: (streamKey) => this.#mustEncrypt.has(hashOfKey(streamKey)),
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
      const encrypted = this.#mustEncrypt.has(keyHash);
      this.#options.log.info(
        { encrypted },
        encrypted
          ? 'an SRT caller was rejected: its passphrase is wrong or missing'
          : 'an SRT caller did not finish its handshake: it may encrypt where the channel has no passphrase',
      );
    }
  }

  #passphrasesChanged(): void {
    this.#changes ??= setTimeout(() => {
      this.#changes = null;
      this.#loadPassphrases()
        .then(() => this.#child?.send({ kind: 'passphrases', passphrases: this.#passphrases }))
        .catch((error: unknown) => {
          this.#options.log.error({ reason: messageOf(error) }, 'the SRT passphrases could not be read; tried again');
          if (!this.#closing) this.#passphrasesChanged();
        });
    }, CHANGES_MS);
  }

  async #loadPassphrases(): Promise<void> {
    const all = await this.#options.passphrases.all();
    this.#passphrases = all.map(({ streamKey, passphrase }) => ({ keyHash: hashOfKey(streamKey), passphrase }));
    this.#mustEncrypt = new Set(this.#passphrases.map(({ keyHash }) => keyHash));
  }
}

/** Rejects with a Failure: `ingest.address-in-use`, `ingest.listen-failed`. */
export async function openSrtServer(options: SrtServerOptions): Promise<SrtOpening> {
  const server = new SrtServer(options);
  try {
    const report = await server.open();
    if (report.kind === 'listening') {
      options.log.info({ library: report.library, version: report.version }, 'SRT serves');
      return { serving: true, server };
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
