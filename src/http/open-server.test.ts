import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { answerPath } from './engine-bench.fixture.js';
import { HttpFailure } from './http-failure.js';
import { loadUws } from './load-uws.js';
import { openHttpServer } from './open-server.js';
import type { HttpServer } from './server.js';
import { TestCertificates } from './tls-bench.fixture.js';

describe('openHttpServer', () => {
  let server: HttpServer | undefined;
  const outcome = loadUws();
  const open = async (engine: 'auto' | 'uws' | 'node', certificates?: TestCertificates) => {
    server = await openHttpServer({ host: '127.0.0.1', port: 0, engine, certificates }, answerPath, silentLog);
    return server;
  };

  afterEach(async () => {
    await server?.close(0);
    server = undefined;
  });

  it('takes the faster engine where it loads, and says which', async () => {
    const opened = await open('auto');
    expect(opened.engine).toBe(outcome.loaded ? 'uws' : 'node');
    expect(await (await fetch(`http://127.0.0.1:${opened.address.port}/hello`)).text()).toBe('/hello');
  });

  it('takes node:http when asked', async () => {
    expect((await open('node')).engine).toBe('node');
  });

  it('does the same over TLS', async () => {
    expect((await open('node', new TestCertificates())).engine).toBe('node-tls');
    await server?.close(0);
    expect((await open('auto', new TestCertificates())).engine).toBe(outcome.loaded ? 'uws-tls' : 'node-tls');
  });

  it('takes node:http where connections are to be counted, and does not take another then', async () => {
    const counting = { host: '127.0.0.1', port: 0, connectionGate: () => () => undefined };
    server = await openHttpServer({ ...counting, engine: 'auto' }, answerPath, silentLog);
    expect(server.engine).toBe('node');
    await expect(openHttpServer({ ...counting, engine: 'uws' }, answerPath, silentLog)).rejects.toThrow(
      'does not tell of connections',
    );
  });

  it('says why when uWebSockets.js is asked for and does not load', async () => {
    if (outcome.loaded) expect((await open('uws')).engine).toBe('uws');
    else await expect(open('uws')).rejects.toThrow(HttpFailure);
  });
});

describe('loadUws', () => {
  it('leaves the untested package alone unless asked, and says so', () => {
    const missed = loadUws().tried.find((miss) => miss.package === 'uws-current');
    const outcome = loadUws();
    if (!outcome.loaded || outcome.package !== 'uWebSockets.js') expect(missed?.reason).toContain('contract test');
  });

  it('names a package, or a reason for every candidate', () => {
    const outcome = loadUws({ untested: true });
    for (const miss of outcome.tried) expect(miss.reason.length).toBeGreaterThan(5);
    if (!outcome.loaded) expect(outcome.reason).toContain('uws-node20');
  });
});
