/**
 * A certificate and its key, in two PEM files that other programs renew.
 *
 * Lifetime: `openCertificateFiles` refuses a pair that cannot be served; from then on the files are looked at every few
 * seconds and on `reload`, and a new pair reaches the listeners. A new pair that is broken is logged and the old one kept.
 * `close` ends the looking.
 */
import { statSync } from 'node:fs';
import { messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import { type CertificatePair, readCertificatePair } from './certificate-pair.js';
import { HttpFailure } from './http-failure.js';

/** What a TLS server needs of certificates. */
export interface Certificates {
  /** The pair to serve now, as PEM: the certificate with its chain, and the key. */
  current(): { readonly cert: Buffer; readonly key: Buffer };
  /** Told after each change; returns how to stop being told. */
  onChange(listener: () => void): () => void;
}

export interface CertificateFilesOptions {
  readonly certFile: string;
  readonly keyFile: string;
  readonly log: Log;
  /** Time between two looks at the files, ms. Default 3000. */
  readonly pollMs?: number;
  /** Epoch ms. Default: the system's clock. */
  readonly now?: () => number;
}

export interface CertificateFiles extends Certificates {
  /** When the pair that is served expires, epoch ms. */
  readonly expiresAt: number;
  /** Looks at the files now, changed or not. */
  reload(): void;
  close(): void;
}

const dayMs = 86_400_000;
/** Renewal programs act 30 days before the end: with half of that gone, something is wrong with them. */
const warnBeforeMs = 14 * dayMs;

/** Throws `HttpFailure` when the pair cannot be read or does not fit together. An expired one is served, with a warning. */
export function openCertificateFiles(options: CertificateFilesOptions): CertificateFiles {
  const verdict = readCertificatePair(options.certFile, options.keyFile);
  if (!verdict.ok) throw new HttpFailure('http.certificate-unusable', verdict.message, { hint: verdict.hint });
  return new WatchedCertificateFiles(options, verdict.pair);
}

class WatchedCertificateFiles implements CertificateFiles {
  readonly #options: CertificateFilesOptions;
  readonly #listeners = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;
  readonly #now: () => number;
  #pair: CertificatePair;
  #seen: string;
  /** The state of the files that did not fit at the last look: programs replace the two files one after the other. */
  #doubted: string | null = null;
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor(options: CertificateFilesOptions, pair: CertificatePair) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#pair = pair;
    this.#seen = this.#state();
    this.#warnOfTimes();
    this.#timer = setInterval(() => this.#look(), options.pollMs ?? 3000);
    this.#timer.unref();
  }

  get expiresAt(): number {
    return this.#pair.expiresAt;
  }

  current(): { readonly cert: Buffer; readonly key: Buffer } {
    return this.#pair;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  reload(): void {
    this.#doubted = null;
    this.#take(this.#state(), 'at once');
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listeners.clear();
  }

  #look(): void {
    const state = this.#state();
    if (state !== this.#seen) this.#take(state, state === this.#doubted ? 'at once' : 'next time');
    this.#warnOfTimes();
  }

  /** `complain`: whether a pair that is broken is told of now, or only if the next look finds the same. */
  #take(state: string, complain: 'at once' | 'next time'): void {
    const { certFile, keyFile, log } = this.#options;
    const verdict = readCertificatePair(certFile, keyFile);
    if (!verdict.ok && complain === 'next time') {
      this.#doubted = state;
      return;
    }
    this.#seen = state;
    this.#doubted = null;
    if (!verdict.ok) {
      log.error({ reason: verdict.message, hint: verdict.hint }, 'the new certificate is not used; the old one stays');
      return;
    }
    const { subject, expiresAt } = verdict.pair;
    this.#pair = verdict.pair;
    this.#warnedAt = Number.NEGATIVE_INFINITY;
    log.info({ certFile, subject, expires: new Date(expiresAt).toISOString() }, 'the certificate was read anew');
    this.#warnOfTimes();
    for (const listener of this.#listeners) this.#tell(listener);
  }

  #tell(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#options.log.error({ reason: messageOf(error) }, 'a server did not take the new certificate');
    }
  }

  /** Once a day at most. */
  #warnOfTimes(): void {
    const now = this.#now();
    const { standing, words } = judgeDays(this.#pair, now);
    if (standing === 'good' || now - this.#warnedAt < dayMs) return;
    this.#warnedAt = now;
    const { certFile, log } = this.#options;
    log.warn(
      { certFile, hint: 'See why it was not renewed; new files are taken without a restart.' },
      `certificate: ${words}`,
    );
  }

  /** Changes when either file does. */
  #state(): string {
    return [this.#options.certFile, this.#options.keyFile].map(fileState).join(' ');
  }
}

/** What is to be said about a pair's days, for log and doctor. */
export function judgeDays(
  pair: Pick<CertificatePair, 'startsAt' | 'expiresAt'>,
  now: number,
): { standing: 'good' | 'bad'; words: string } {
  const day = (at: number) => new Date(at).toISOString().slice(0, 10);
  const bad = (words: string) => ({ standing: 'bad', words }) as const;
  if (now < pair.startsAt) return bad(`not valid before ${day(pair.startsAt)}; is this machine's clock right?`);
  if (now >= pair.expiresAt) return bad(`expired on ${day(pair.expiresAt)}, so browsers refuse it`);
  if (now >= pair.expiresAt - warnBeforeMs) return bad(`expires on ${day(pair.expiresAt)} and was not renewed yet`);
  return { standing: 'good', words: `valid until ${day(pair.expiresAt)}` };
}

function fileState(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    return `${mtimeMs}/${size}/${ino}`;
  } catch {
    return 'absent';
  }
}
