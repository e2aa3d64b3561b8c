import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cleanUp, newFolder, startBox, type TestBox, until } from '../box.js';
import { publish, stopPublishers } from '../publisher.js';

/** The operator's own servers: one is asked before a publish, another is told what happens. */
interface Told {
  readonly id: string;
  readonly type: string;
  readonly channel: string;
  readonly broadcastId: string;
}

const secret = 'sixteen-characters';
const asked: { channel: string; protocol: string; backup: boolean }[] = [];
let told: Told[] = [];
let takes = true;
let config: string;
let data: string;
let box: TestBox;
let server: Server;

beforeAll(async () => {
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (part) => (text += part));
    request.on('end', () => {
      const [, at, signature] = /^t=(\d+),v1=(\w+)$/.exec(String(request.headers['headwater-signature'])) ?? [];
      const wanted = createHmac('sha256', secret).update(`${at}.${text}`).digest('hex');
      if (signature !== wanted) return response.writeHead(400).end();
      const body = JSON.parse(text);
      if (request.url === '/authorize') {
        asked.push(body);
        const refused = body.channel === 'unpaid';
        return response.writeHead(refused ? 403 : 204).end(refused ? '{"reason":"the bill is open"}' : undefined);
      }
      if (takes) told.push(body);
      return response.writeHead(takes ? 204 : 503).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const web = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = newFolder();
  config = join(folder, 'headwater.yaml');
  data = join(folder, 'data');
  const hooks = { authorize: { url: `${web}/authorize`, secret }, events: [{ url: `${web}/events`, secret }] };
  writeFileSync(config, JSON.stringify({ hooks, live: { graceSec: 0 } }));
  box = await startBox({ data, args: ['--config', config] });
});

afterAll(async () => {
  stopPublishers();
  server?.closeAllConnections();
  server?.close();
  await cleanUp();
});

const seen = (channel: string) => told.filter((one) => one.channel === channel).map(({ type }) => type);

it('asks before a publish, and tells of its start, its end and its archive', async () => {
  const { rtmpUrl } = await box.json<{ rtmpUrl: string }>('channel', 'create', 'paid');
  const publisher = publish(rtmpUrl, { seconds: 600 });
  await until(
    () => seen('paid').includes('started'),
    60_000,
    () => box.printed(),
  );
  expect(asked).toEqual([expect.objectContaining({ channel: 'paid', protocol: 'rtmp', backup: false })]);
  expect(JSON.stringify([asked, told])).not.toContain(rtmpUrl.split('/').at(-1));
  await publisher.stop();
  await until(
    () => seen('paid').includes('archived'),
    60_000,
    () => box.printed(),
  );
  expect(seen('paid')).toEqual(['started', 'stopped', 'archived']);
  expect(new Set(told.map(({ broadcastId }) => broadcastId)).size).toBe(1);
});

it('refuses a publisher with the hook’s reason', async () => {
  const { rtmpUrl } = await box.json<{ rtmpUrl: string }>('channel', 'create', 'unpaid');
  expect((await publish(rtmpUrl, { seconds: 5 }).done).code).not.toBe(0);
  expect(asked.at(-1)?.channel).toBe('unpaid');
  expect(seen('unpaid')).toEqual([]);
});

it('tells after a restart what nobody took before', async () => {
  const { rtmpUrl } = await box.json<{ rtmpUrl: string }>('channel', 'show', 'paid');
  takes = false;
  told = [];
  publish(rtmpUrl, { seconds: 600 });
  const waiting = async () => /hook_events_waiting\{[^}]*\} 1/.test(await (await fetch(`${box.admin}/metrics`)).text());
  await until(waiting, 60_000, () => box.printed());
  expect(await box.kill('SIGTERM')).toBe(0);
  stopPublishers();
  takes = true;
  box = await startBox({ data, args: ['--config', config] });
  await until(
    () => seen('paid').includes('archived'),
    60_000,
    () => box.printed(),
  );
  expect(seen('paid')).toEqual(['started', 'stopped', 'archived']);
});
