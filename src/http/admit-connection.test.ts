import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { openNodeServer } from './node-engine.js';
import type { HttpHandler, HttpServer, HttpServerOptions } from './server.js';
import { openOverTls } from './tls-bench.fixture.js';

const engines = {
  node: {
    open: (options: HttpServerOptions, handler: HttpHandler) => openNodeServer(options, handler, silentLog),
    connect: (port: number): Socket => connect({ host: '127.0.0.1', port }),
  },
  'node-tls': {
    open: (options: HttpServerOptions, handler: HttpHandler) => openOverTls(options, handler, silentLog),
    connect: (port: number): Socket => connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }),
  },
};

describe.each(['node', 'node-tls'] as const)('the connections of the %s engine', (engine) => {
  let server: HttpServer;
  const sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await server.close(0);
  });

  const dial = (): Promise<'served' | 'cut'> => {
    const socket = engines[engine].connect(server.address.port);
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    return new Promise((resolve) => {
      socket.once('data', () => resolve('served'));
      socket.once('close', () => resolve('cut'));
    });
  };

  it('are taken or cut as the gate says, which hears when they close', async () => {
    const told: string[] = [];
    let room = 1;
    const connectionGate = (address: string) => {
      told.push(address);
      if (room === 0) return null;
      room -= 1;
      return () => {
        room += 1;
      };
    };
    const answer: HttpHandler = (_request, response) => {
      response.start(200, [], 0);
      response.end();
    };
    server = await engines[engine].open({ host: '127.0.0.1', port: 0, connectionGate }, answer);
    expect(await dial()).toBe('served');
    expect(await dial()).toBe('cut');
    expect(told).toEqual(['127.0.0.1', '127.0.0.1']);
    sockets[0]?.destroy();
    let outcome: string = 'cut';
    while (outcome === 'cut') outcome = await dial();
    expect(room).toBe(0);
  });
});
