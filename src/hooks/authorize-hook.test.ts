import { describe, expect, it, onTestFinished } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { AuthorizeHook, type AuthorizeHookOptions } from './authorize-hook.js';
import { HookMetrics } from './hook-metrics.js';
import { isSigned, openReceiver } from './receiver.fixture.js';

const question = { channel: 'town-hall', protocol: 'srt', remoteAddress: '192.0.2.7', backup: true };
const secret = 'a-secret-for-tests';

function open(url: string, options: Partial<AuthorizeHookOptions> = {}) {
  const metrics = new Metrics();
  const hook = new AuthorizeHook({
    ...{ url, secret, timeoutMs: 2000, onFailure: 'deny', log: silentLog },
    metrics: new HookMetrics(metrics),
    ...options,
  });
  onTestFinished(() => hook.close());
  return { hook, counted: async () => (await metrics.text()).match(/hook_authorizations_total\{[^\n]*/g) };
}

describe('the authorization hook', () => {
  it('is asked who wants to publish what, signed, without the key', async () => {
    const receiver = await openReceiver();
    const { hook, counted } = open(receiver.url);
    expect(await hook.authorizePublish(question)).toEqual({ allowed: true });
    const [asked] = receiver.received;
    expect(asked?.body).toEqual({ type: 'publish', at: expect.stringMatching(/^\d{4}-.*Z$/), ...question });
    expect(asked && isSigned(asked, secret)).toBe(true);
    expect(await counted()).toEqual(['hook_authorizations_total{outcome="allowed"} 1']);
  });

  it('is not signed without a secret', async () => {
    const receiver = await openReceiver();
    await open(receiver.url, { secret: null }).hook.authorizePublish(question);
    expect(receiver.received[0]?.headers['headwater-signature']).toBeUndefined();
  });

  it.each<[number, string, string]>([
    [403, '{"reason":"not paid"}', 'not paid'],
    [401, '{"reason":"two\\nlines\\u0000\\u202e here"}', 'two lines here'],
    [403, JSON.stringify({ reason: 'x'.repeat(1000) }), 'x'.repeat(200)],
    [403, '', 'the publish was not authorized'],
    [403, '{"reason":7}', 'the publish was not authorized'],
    [403, `{"reason":"${'y'.repeat(100_000)}"}`, 'the publish was not authorized'],
    [403, '[]', 'the publish was not authorized'],
  ])('denies with %i and its reason', async (status, body, reason) => {
    const receiver = await openReceiver();
    receiver.answer = (response) => void response.writeHead(status).end(body);
    expect(await open(receiver.url).hook.authorizePublish(question)).toEqual({ allowed: false, reason });
  });

  it.each([500, 404, 302, 429])('gives no verdict with %i: onFailure decides', async (status) => {
    const receiver = await openReceiver();
    receiver.answer = (response) => void response.writeHead(status, { location: receiver.url }).end();
    const { hook, counted } = open(receiver.url);
    expect(await hook.authorizePublish(question)).toMatchObject({ allowed: false });
    expect(await open(receiver.url, { onFailure: 'allow' }).hook.authorizePublish(question)).toEqual({ allowed: true });
    expect(await counted()).toEqual(['hook_authorizations_total{outcome="failed"} 1']);
    // No redirect was followed.
    expect(receiver.received).toHaveLength(2);
  });

  it.each<[string, (response: import('node:http').ServerResponse) => void]>([
    ['never answers', () => {}],
    ['never ends its answer', (response) => void response.writeHead(200).write('x')],
    ['breaks off', (response) => void response.destroy()],
  ])('fails closed when the server %s', async (_name, answer) => {
    const receiver = await openReceiver();
    receiver.answer = answer;
    const verdict = await open(receiver.url, { timeoutMs: 200 }).hook.authorizePublish(question);
    expect(verdict).toEqual({ allowed: false, reason: 'the publish could not be authorized now, try again' });
  });

  it('fails closed when nobody is there, and when the box closes', async () => {
    const receiver = await openReceiver();
    receiver.answer = () => {};
    const { hook } = open(receiver.url);
    const asked = hook.authorizePublish(question);
    await hook.close();
    expect((await asked).allowed).toBe(false);
    await receiver.close();
    expect((await open(receiver.url).hook.authorizePublish(question)).allowed).toBe(false);
  });

  it('has a bounded number of questions open', async () => {
    const receiver = await openReceiver();
    receiver.answer = () => {};
    const { hook } = open(receiver.url, { timeoutMs: 8000 });
    const asked = Array.from({ length: 64 }, () => hook.authorizePublish(question));
    expect((await hook.authorizePublish(question)).allowed).toBe(false);
    await hook.close();
    await Promise.all(asked);
    expect(receiver.received.length).toBeLessThanOrEqual(64);
  });
});
