import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { silentLog } from '../../telemetry/log.js';
import { builtProgram } from '../../telemetry/package-files.js';
import type { Certificates } from '../certificate-files.js';
import { type engineBench, head } from '../engine-bench.fixture.js';
import { httpEngineContract } from '../http-engine.contract.js';
import { loadUws } from '../load-uws.js';
import { RawClient, tlsSocket } from '../raw-client.fixture.js';
import type { HttpHandler } from '../server.js';
import { TestCertificates } from '../tls-bench.fixture.js';
import { openThreadedServer } from './threaded-engine.js';

const program = builtProgram('door-thread');
const open: Parameters<typeof engineBench>[0]['open'] = (options, handler, log) =>
  openThreadedServer({ ...options, threads: 2, program }, handler, log);

// Where no binary loads there are no threads: uws-engine.test.ts has what is to be said of that.
describe.skipIf(!loadUws().loaded)('several threads', () => {
  httpEngineContract({
    engine: 'uws-threads',
    open,
    latePipelining: 'cut',
    answersLate: true,
    interim: 'kept back',
    namelessHeader: 'ends the head',
    headDeadlineMs: 20_000,
  });

  describe('over TLS', () => {
    const handler: HttpHandler = (request, response) => {
      const body = Buffer.alloc(3_000_000, request.path);
      response.start(200, [['x-scheme', request.scheme]], body.length);
      response.end(body);
    };
    const serve = async (certificates: Certificates) => {
      const server = await openThreadedServer(
        { host: '127.0.0.1', port: 0, threads: 2, program, certificates },
        handler,
        silentLog,
      );
      onTestFinished(() => server.close(0));
      return server;
    };
    const nameServedAt = async (port: number): Promise<string> => {
      const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const { CN } = socket.getPeerCertificate().subject;
      socket.destroy();
      return String(CN);
    };

    it('they serve whole bodies, and each a new certificate when it changes', async () => {
      const certificates = new TestCertificates();
      const server = await serve(certificates);
      const { port } = server.address;
      const client = new RawClient(port, tlsSocket);
      onTestFinished(() => client.destroy());
      for (const path of ['/one', '/another']) {
        const answer = await client.send(head(`GET ${path}`)).response();
        expect(answer.body.equals(Buffer.alloc(3_000_000, path))).toBe(true);
        expect(answer.headers).toContainEqual(['x-scheme', 'https']);
      }
      certificates.change('changed.example');
      await vi.waitFor(
        async () => {
          const names = await Promise.all(Array.from({ length: 12 }, () => nameServedAt(port)));
          expect(new Set(names)).toEqual(new Set(['changed.example']));
        },
        { timeout: 30_000 },
      );
      expect((await client.send(head('GET /again')).response()).status).toBe(200);
    });

    it('say what is wrong with a certificate that they cannot serve', async () => {
      const bad = { current: () => ({ cert: Buffer.from('x'), key: Buffer.from('y') }), onChange: () => () => {} };
      await expect(serve(bad)).rejects.toMatchObject({ code: 'http.certificate-unusable' });
    });
  });
});
