import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { type EventHooks, type EventHooksOptions, openEventHooks } from './event-hooks.js';
import type { HookEvent } from './hook-event.js';
import { HookMetrics } from './hook-metrics.js';
import { isSigned, openReceiver, type Receiver } from './receiver.fixture.js';

const secret = 'a-secret-for-tests';
const at = Date.UTC(2026, 0, 2, 3, 4, 5);
const started = (channel: string): HookEvent => ({ type: 'started', channel, broadcastId: 'b_1', at });

let folder: string;
let metrics: Metrics;
let opened: EventHooks[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-hooks-'));
  metrics = new Metrics();
});

afterEach(async () => {
  await Promise.all(opened.map((hooks) => hooks.close(0)));
  opened = [];
  rmSync(folder, { recursive: true, force: true });
});

async function open(receivers: readonly (Receiver | string)[], options: Partial<EventHooksOptions> = {}) {
  metrics = new Metrics();
  const hooks = await openEventHooks({
    receivers: receivers.map((to) => ({ url: typeof to === 'string' ? to : to.url, secret, events: null })),
    ...{ folder, log: silentLog, metrics: new HookMetrics(metrics) },
    ...options,
    limits: { pausesMs: [20, 20, 20], tryMs: 1000, ...options.limits },
  });
  opened.push(hooks);
  return hooks;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('it never came true');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function counted(name: string): Promise<number> {
  const values = (await metrics.text()).matchAll(new RegExp(`^headwater_hook_${name}\\{[^}]*\\} (\\S+)$`, 'gm'));
  return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
}

const channels = (receiver: Receiver) => receiver.received.map(({ body }) => body.channel);

describe('event hooks', () => {
  it('tell each receiver what it asked for, signed, in order', async () => {
    const [all, some] = [await openReceiver(), await openReceiver()];
    const hooks = await open([], {
      receivers: [
        { url: all.url, secret, events: null },
        { url: some.url, secret: null, events: ['failed-over'] },
      ],
    });
    hooks.tell(started('a'));
    hooks.tell({ type: 'failed-over', channel: 'a', broadcastId: 'b_1', at, from: 'primary', to: 'backup' });
    hooks.tell({ type: 'stopped', channel: 'a', broadcastId: 'b_1', at });
    await until(() => all.received.length === 3 && some.received.length === 1);
    expect(all.received.map(({ body }) => body.type)).toEqual(['started', 'failed-over', 'stopped']);
    expect(all.received[0]?.body).toEqual({
      id: expect.stringMatching(/^e_[0-9a-f]{24}$/),
      type: 'started',
      at: '2026-01-02T03:04:05.000Z',
      channel: 'a',
      broadcastId: 'b_1',
    });
    expect(some.received[0]?.body).toMatchObject({ type: 'failed-over', from: 'primary', to: 'backup' });
    expect(some.received[0]?.body.id).toBe(all.received[1]?.body.id);
    for (const one of all.received) expect(isSigned(one, secret)).toBe(true);
    expect(some.received[0]?.headers['headwater-signature']).toBeUndefined();
    await until(async () => (await counted('events_delivered_total')) === 4 && (await counted('events_waiting')) === 0);
  });

  it('try again what was not taken, with the same id', async () => {
    const receiver = await openReceiver();
    const answers = [500, 404, 302, 200];
    receiver.answer = (response) => void response.writeHead(answers.shift() ?? 200, { location: receiver.url }).end();
    const hooks = await open([receiver]);
    hooks.tell(started('a'));
    hooks.tell(started('b'));
    await until(() => receiver.received.length === 5);
    expect(channels(receiver)).toEqual(['a', 'a', 'a', 'a', 'b']);
    expect(new Set(receiver.received.slice(0, 4).map(({ body }) => body.id)).size).toBe(1);
    await until(async () => (await counted('events_delivered_total')) === 2);
    expect(await counted('tries_failed_total')).toBe(3);
    expect(await counted('events_dropped_total')).toBe(0);
  });

  it('give up what is never taken, at once when the receiver is gone for good, and go on', async () => {
    const receiver = await openReceiver();
    receiver.answer = (response, { body }) =>
      void response.writeHead(body.channel === 'bad' ? 500 : body.channel === 'gone' ? 410 : 204).end();
    const hooks = await open([receiver]);
    for (const channel of ['bad', 'gone', 'good']) hooks.tell(started(channel));
    await until(async () => (await counted('events_delivered_total')) === 1);
    expect(channels(receiver)).toEqual(['bad', 'bad', 'bad', 'bad', 'gone', 'good']);
    expect(await counted('events_dropped_total')).toBe(2);
  });

  it('let a receiver that hangs, or answers without end, hold back nobody', async () => {
    const [hangs, endless, good] = [await openReceiver(), await openReceiver(), await openReceiver()];
    hangs.answer = () => {};
    endless.answer = (response) => {
      response.writeHead(200);
      const more = setInterval(() => response.write('x'.repeat(65_536)), 1);
      response.on('close', () => clearInterval(more));
    };
    const hooks = await open([hangs, endless, good], { limits: { tryMs: 100, pausesMs: [50] } });
    for (const channel of ['a', 'b', 'c']) hooks.tell(started(channel));
    await until(() => good.received.length === 3);
    expect(channels(good)).toEqual(['a', 'b', 'c']);
    await until(() => hangs.received.length >= 3 && endless.received.length === 3);
    expect(hangs.received[1]?.body.channel).toBe('a');
  });

  it('keep what waits over a restart', async () => {
    const receiver = await openReceiver();
    const port = Number(new URL(receiver.url).port);
    await receiver.close();
    const first = await open([receiver], { limits: { pausesMs: [60_000] } });
    for (const channel of ['a', 'b', 'c']) first.tell(started(channel));
    await until(async () => (await counted('tries_failed_total')) > 0);
    await first.close(1000);
    expect(readdirSync(folder)).toHaveLength(1);
    expect(readFileSync(join(folder, readdirSync(folder)[0] ?? ''), 'utf8')).not.toContain(secret);
    const back = await openReceiver(port);
    await open([receiver]);
    await until(() => back.received.length === 3);
    expect(channels(back)).toEqual(['a', 'b', 'c']);
    await until(() => readdirSync(folder).length === 0);
    await opened[1]?.close(100);
    await open([receiver]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(back.received).toHaveLength(3);
  });

  it('tell what happened last before the box closed', async () => {
    const receiver = await openReceiver();
    receiver.answer = (response) => void setTimeout(() => response.writeHead(204).end(), 50);
    const hooks = await open([receiver]);
    for (const channel of ['a', 'b', 'c']) hooks.tell(started(channel));
    await hooks.close(5000);
    expect(channels(receiver)).toEqual(['a', 'b', 'c']);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('close in time while a receiver hangs', async () => {
    const receiver = await openReceiver();
    receiver.answer = () => {};
    const hooks = await open([receiver], { limits: { tryMs: 60_000 } });
    hooks.tell(started('a'));
    await until(() => receiver.received.length === 1);
    await hooks.close(100);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it('are bounded in memory and on disk: the oldest go', async () => {
    const receiver = await openReceiver();
    receiver.answer = (response) => void response.writeHead(500).end();
    const limits = { pausesMs: [300], waitingMax: 10, waitingBytesMax: 2000 };
    const hooks = await open([receiver], { limits });
    for (let i = 0; i < 500; i++) {
      hooks.tell(started(`c-${i}`));
      if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await counted('events_waiting')).toBeLessThanOrEqual(10);
    expect(await counted('events_dropped_total')).toBeGreaterThanOrEqual(490);
    receiver.answer = (response) => void response.writeHead(204).end();
    await hooks.close(0);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThan(8000);
    await open([receiver], { limits });
    await until(() => channels(receiver).at(-1) === 'c-499');
  });

  it('forget what waits for receivers that are named no longer, and pass over damaged lines', async () => {
    const receiver = await openReceiver();
    receiver.answer = (response) => void response.writeHead(500).end();
    const first = await open([receiver, 'http://127.0.0.1:9/'], { limits: { pausesMs: [60_000] } });
    first.tell(started('a'));
    await until(async () => (await counted('tries_failed_total')) === 2);
    await first.close(0);
    expect(readdirSync(folder)).toHaveLength(2);
    for (const name of readdirSync(folder)) {
      const file = join(folder, name);
      writeFileSync(file, `nonsense\n{"id":1}\n[]\n${readFileSync(file, 'utf8')}{"id":"e_2","bo`);
    }
    receiver.answer = (response) => void response.writeHead(204).end();
    await open([receiver]);
    await until(() => receiver.received.length === 2);
    await until(() => readdirSync(folder).length === 0);
  });

  it('go on from memory when nothing can be written down', async () => {
    const receiver = await openReceiver();
    const broken = join(folder, 'gone');
    mkdirSync(broken);
    const hooks = await open([receiver], { folder: broken });
    rmSync(broken, { recursive: true });
    for (const channel of ['a', 'b']) hooks.tell(started(channel));
    await until(() => receiver.received.length === 2);
  });
});
