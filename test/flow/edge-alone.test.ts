import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { cleanUp, failedCommand, newFolder, until } from '../box.js';
import { startEdge } from '../edge-process.js';

/** `headwater edge`, as an operator runs it. */
afterAll(cleanUp);

it('runs as a cache before any HTTP server, without a configuration', async () => {
  const refused = await failedCommand(join(newFolder(), 'data'), ['edge', '--upstream', 'ftp://127.0.0.1']);
  expect(refused.stderr).toMatch(/edge\.upstreams.*--upstream[\s\S]*http:\/\//);

  const asked: string[] = [];
  const origin = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.cookie ?? ''}`);
    const isList = request.url?.startsWith('/v1/popular') === true;
    response.writeHead(200, { 'cache-control': 'max-age=3' }).end(isList ? '/new?1\n/new?3\n' : String(asked.length));
  }).listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const edge = await startEdge(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`, [
    '--cache-memory',
    '16MiB',
  ]);
  const ask = async (path: string) => {
    const answer = await fetch(`${edge.http}${path}`, { headers: { cookie: 'a=1' } });
    return [await answer.text(), answer.headers.get('cache-status')];
  };
  // Not one of these means anything here: neither the API's path, nor that of media, nor an escaped slash.
  for (const path of ['/v1/videos', '/media/b_0123456789/v720/7.m4s?token=1', '/a%2Fb']) {
    const [body] = await ask(path);
    expect(await ask(path)).toEqual([body, expect.stringContaining('Headwater; hit; ttl=')]);
  }
  expect(asked).toEqual(['/v1/videos a=1', '/media/b_0123456789/v720/7.m4s?token=1 a=1', '/a%2Fb a=1']);
  writeFileSync(join(edge.data, 'list'), '# what is new\n/new?1\n\nhttp://elsewhere.example/new?2\n');
  const filled = await edge.json('edge', 'prefill', join(edge.data, 'list'), '--rate', '1MiB');
  expect(filled).toMatchObject({ addresses: 2, done: 2, hits: 0, failures: 0 });
  expect(asked.slice(3).sort()).toEqual(['/new?1 ', '/new?2 ']);
  expect(await edge.json('edge', 'prefill', '--popular', '2')).toMatchObject({ addresses: 2, done: 2, failures: 0 });
  expect(asked.slice(5)).toEqual(expect.arrayContaining(['/v1/popular?limit=2 ', '/new?3 ']));
  const unclear = await failedCommand(edge.data, ['edge', 'prefill', 'list', '--popular', '2']);
  expect(unclear.stderr).toContain('either a list or --popular is needed');
  const shown = await edge.command('top', '--count', '1', '--every', '0.2');
  expect(shown).toMatch(/^requests .*hits[\s\S]*memory .* in 7 objects[\s\S]*upstream +127\.0\.0\.1:/m);
  expect(await edge.json('top', '--count', '1', '--every', '0.2')).toMatchObject({ memory: { objects: 7 } });
  origin.closeAllConnections();
  await new Promise((resolve) => origin.close(resolve));
  await until(async () => (await ask('/a%2Fb'))[1]?.includes('detail=stale-if-error') === true, 60_000);
  expect(await ask('/a%2Fb')).toEqual(['3', expect.stringContaining('fwd=stale')]);
  expect(await fetch(`${edge.http}/other`).then(({ status }) => status)).toBe(502);
  expect(await edge.kill('SIGTERM')).toBe(0);
});

it('bounds the connections of a client whatever engine would serve, and says where it cannot', async () => {
  const limit = ['--set', 'edge.limits.connectionsMax=2'];
  const data = join(newFolder(), 'data');
  const asked = ['edge', '--upstream', 'http://127.0.0.1:9', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
  const refused = await failedCommand(data, [...asked, ...limit, '--set', 'http.engine=uws']);
  expect(refused.stderr).toMatch(/uWebSockets\.js[\s\S]*edge\.limits\.connectionsMax/);
  const edge = await startEdge('http://127.0.0.1:9', limit);
  const { hostname, port } = new URL(edge.http);
  const sockets: Socket[] = [];
  const dial = (localAddress: string) => {
    const socket = connect({ host: hostname, port: Number(port), localAddress }).on('error', () => undefined);
    sockets.push(socket);
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    return new Promise((resolve) => {
      socket.once('data', () => resolve('answered')).once('close', () => resolve('cut'));
    });
  };
  expect([await dial('127.0.0.1'), await dial('127.0.0.1')]).toEqual(['answered', 'answered']);
  expect([await dial('127.0.0.1'), await dial('127.0.0.2')]).toEqual(['cut', 'answered']);
  for (const socket of sockets) socket.destroy();
  expect(await edge.kill('SIGTERM')).toBe(0);
});

it('purges by the command line, at this edge and at one below that follows it', async () => {
  let asked = 0;
  const origin = createServer((_request, response) => {
    asked += 1;
    response.writeHead(200, { 'cache-control': 'max-age=600', 'cache-tag': 'film' }).end(String(asked));
  }).listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const above = await startEdge(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
  const below = await startEdge(above.http, ['--set', 'edge.followPurges=true']);
  const read = async (path: string) => (await fetch(below.http + path)).text();
  const seen = await read('/a');
  await until(async () => (await read('/a')) === seen, 60_000);
  expect(await above.command('edge', 'purge', '--tag', 'film')).toContain('1 kept answer forgotten');
  await until(async () => Number(await read('/a')) > Number(seen), 60_000);
  const now = await read('/a');
  expect(await above.json('edge', 'purge', `${above.http}/a`, '--soft')).toMatchObject({ purged: 1, last: 2 });
  await until(async () => Number(await read('/a')) > Number(now), 60_000);
  const refused = await failedCommand(above.data, ['edge', 'purge', 'a']);
  expect(refused.stderr).toContain('The url must be an absolute http address, or begin with a slash.');
  origin.closeAllConnections();
  origin.close();
  for (const edge of [below, above]) expect(await edge.kill('SIGTERM')).toBe(0);
});
