/**
 * Asks somebody else's server whether a publisher may go on air. Lives as long as the box ingests.
 *
 * The stream key was checked before, and never leaves the box, not even as a hash: the hook gets the channel that it is for.
 */
import { Agent } from 'undici';
import type { Log } from '../telemetry/log.js';
import { callHook, type HookAnswer } from './hook-call.js';
import type { HookMetrics } from './hook-metrics.js';

export interface PublishQuestion {
  readonly channel: string;
  /** `rtmp`, `rtmps`, `srt` or `whip`. */
  readonly protocol: string;
  readonly remoteAddress: string;
  readonly backup: boolean;
}

export interface PublishVerdict {
  readonly allowed: boolean;
  /** The hook's words, or ours where it gave no answer; for the publisher. */
  readonly reason?: string;
}

export interface AuthorizeHookOptions {
  readonly url: string;
  readonly secret: string | null;
  /** For one call, ms. */
  readonly timeoutMs: number;
  /** What a hook that gives no verdict means. */
  readonly onFailure: 'deny' | 'allow';
  readonly log: Log;
  readonly metrics: HookMetrics;
  /** Epoch ms. Default: the system's clock. */
  readonly now?: () => number;
}

/** Questions under way at once; more count as a hook that fails. */
const questionsMax = 64;
const answerBytesMax = 4096;
const reasonCharsMax = 200;

export class AuthorizeHook {
  readonly #options: AuthorizeHookOptions;
  readonly #agent = new Agent({ connections: questionsMax });
  readonly #closing = new AbortController();
  readonly #now: () => number;
  #open = 0;

  constructor(options: AuthorizeHookOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  async authorizePublish(question: PublishQuestion): Promise<PublishVerdict> {
    const answer = await this.#ask(question);
    const verdict = verdictOf(answer);
    if (verdict !== null) {
      this.#options.metrics.authorizations.inc({ outcome: verdict.allowed ? 'allowed' : 'denied' });
      return verdict;
    }
    return this.#withoutVerdict(question, answer);
  }

  /** Cuts what is being asked. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#agent.destroy();
  }

  async #ask(question: PublishQuestion): Promise<HookAnswer> {
    if (this.#open >= questionsMax) return { kind: 'failed', message: `${questionsMax} questions are open already` };
    const { url, secret, timeoutMs } = this.#options;
    const { channel, protocol, remoteAddress, backup } = question;
    const at = new Date(this.#now()).toISOString();
    const body = JSON.stringify({ type: 'publish', at, channel, protocol, remoteAddress, backup });
    this.#open++;
    try {
      const { signal } = this.#closing;
      const dispatcher = this.#agent;
      return await callHook({ url, secret, body, timeoutMs, answerBytesMax, signal, dispatcher, now: this.#now });
    } finally {
      this.#open--;
    }
  }

  #withoutVerdict({ channel, remoteAddress }: PublishQuestion, answer: HookAnswer): PublishVerdict {
    const { onFailure, log, metrics } = this.#options;
    const reason = answer.kind === 'failed' ? answer.message : `it answered ${answer.status}`;
    metrics.authorizations.inc({ outcome: 'failed' });
    log.error(
      { channel, remoteAddress, reason, hint: 'See whether the server at hooks.authorize.url runs.' },
      onFailure === 'deny'
        ? 'the authorization hook gave no verdict: the publisher is refused (hooks.authorize.onFailure)'
        : 'the authorization hook gave no verdict: the publisher is let in (hooks.authorize.onFailure)',
    );
    if (onFailure === 'allow') return { allowed: true };
    return { allowed: false, reason: 'the publish could not be authorized now, try again' };
  }
}

/** 2xx allows, 401 and 403 deny; null: anything else is no verdict. */
function verdictOf(answer: HookAnswer): PublishVerdict | null {
  if (answer.kind === 'failed') return null;
  const { status, body } = answer;
  if (status >= 200 && status < 300) return { allowed: true };
  if (status !== 401 && status !== 403) return null;
  return { allowed: false, reason: reasonIn(body) ?? 'the publish was not authorized' };
}

/** `{"reason": "…"}`, made fit for one line of a publisher's log. */
function reasonIn(body: string): string | null {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== 'object' || parsed === null || !('reason' in parsed)) return null;
    const { reason } = parsed;
    if (typeof reason !== 'string') return null;
    const line = reason.replace(/[\p{C}\s]+/gu, ' ').trim();
    return line === '' ? null : line.slice(0, reasonCharsMax);
  } catch {
    return null;
  }
}
