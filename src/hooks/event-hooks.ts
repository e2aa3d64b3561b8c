/**
 * Tells the operator's receivers what happens to channels. Lives from `openEventHooks` to `close`.
 *
 * Telling never waits and never fails: each receiver has a queue of its own, bounded, kept over a restart.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent } from 'undici';
import type { Log } from '../telemetry/log.js';
import { type EventLimits, type EventTarget, openEventTarget } from './event-target.js';
import { type HookEvent, type HookEventType, hookBody } from './hook-event.js';
import type { HookMetrics } from './hook-metrics.js';

interface EventReceiver {
  readonly url: string;
  readonly secret: string | null;
  /** Null: all of them. */
  readonly events: readonly HookEventType[] | null;
}

export interface EventHooksOptions {
  readonly receivers: readonly EventReceiver[];
  /** A folder of its own. */
  readonly folder: string;
  readonly log: Log;
  readonly metrics: HookMetrics;
  readonly limits?: Partial<EventLimits>;
  /** Epoch ms. Default: the system's clock. */
  readonly now?: () => number;
}

const second = 1000;
const minute = 60_000;

const defaultLimits: EventLimits = {
  // With the tries themselves, about an hour.
  pausesMs: [5 * second, 30 * second, 2 * minute, 5 * minute, 10 * minute, 20 * minute, 20 * minute],
  tryMs: 10 * second,
  waitingMax: 1000,
  waitingBytesMax: 1024 * 1024,
};

export class EventHooks {
  readonly #targets: readonly { target: EventTarget; events: readonly HookEventType[] | null }[];
  readonly #agent: Agent;

  constructor(targets: readonly { target: EventTarget; events: readonly HookEventType[] | null }[], agent: Agent) {
    this.#targets = targets;
    this.#agent = agent;
  }

  tell(event: HookEvent): void {
    const id = `e_${randomBytes(12).toString('hex')}`;
    const body = hookBody(id, event);
    for (const { target, events } of this.#targets) {
      if (events === null || events.includes(event.type)) target.send({ id, body });
    }
  }

  /** Waits up to `graceMs` for what is being told; the rest is told after the next start. */
  async close(graceMs: number): Promise<void> {
    await Promise.all(this.#targets.map(({ target }) => target.close(graceMs)));
    await this.#agent.destroy();
  }
}

export async function openEventHooks(options: EventHooksOptions): Promise<EventHooks> {
  const { receivers, folder, log, metrics } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const agent = new Agent({ connections: 2 });
  const shared = { limits, dispatcher: agent, log, metrics, now: options.now ?? Date.now };
  const files = receivers.map(({ url }) => join(folder, fileOf(url)));
  await forgetOthers(folder, files);
  const targets = await Promise.all(
    receivers.map(async ({ url, secret, events }, i) => {
      const target = await openEventTarget({ ...shared, url, secret, file: files[i] ?? '' });
      return { target, events };
    }),
  );
  return new EventHooks(targets, agent);
}

const fileOf = (url: string): string => `${createHash('sha256').update(url).digest('hex').slice(0, 16)}.jsonl`;

/** What waits for receivers that the settings no longer name will never be told. */
async function forgetOthers(folder: string, files: readonly string[]): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = join(folder, name);
    if (/^[0-9a-f]{16}\.jsonl(\.new)?$/.test(name) && !files.includes(file)) await rm(file, { force: true });
  }
}
