import { describe, expect, it } from 'vitest';
import { engineBench, head } from './engine-bench.fixture.js';
import { httpEngineContract } from './http-engine.contract.js';
import { loadUws } from './load-uws.js';
import { header2 } from './proxy-header.fixture.js';
import { openUwsServer } from './uws-engine.js';
import type { UwsModule } from './uws-face.js';

const outcome = loadUws();

/** Where no binary loads (Node 22 and later), what there is to say about it is tested in its place. */
if (outcome.loaded) testEngine(outcome.uws);
else {
  it('says of every candidate why it was passed over', () => {
    expect(outcome.tried.map((miss) => miss.package)).toEqual(['uWebSockets.js', 'uws-current', 'uws-node20']);
    for (const miss of outcome.tried) expect(miss.reason).not.toBe('');
  });
}

function testEngine(uws: UwsModule): void {
  const open: Parameters<typeof engineBench>[0]['open'] = (options, handler, log) =>
    openUwsServer(uws, options, handler, log);
  httpEngineContract({
    engine: 'uws',
    open,
    latePipelining: 'cut',
    interim: 'kept back',
    namelessHeader: 'ends the head',
    headDeadlineMs: 20_000,
  });

  describe('uws engine alone', () => {
    const bench = engineBench({ open });

    it('takes no address from a PROXY header, which anybody could send', async () => {
      const server = await bench.serve((request, response) => {
        response.start(200, [], request.remoteAddress.length);
        response.end(Buffer.from(request.remoteAddress));
      });
      const client = bench.client(server).send(header2({ client: [198, 51, 100, 2] }));
      expect((await client.send(head('GET /')).response()).body.toString()).toBe('127.0.0.1');
    });

    it('answers 413 to a length that its parser cannot read', async () => {
      let handled = 0;
      const server = await bench.serve(() => {
        handled++;
      });
      const client = bench.client(server).send(head('PATCH /big', 'Content-Length: 1000000000'));
      const response = await client.response();
      expect(response.status).toBe(413);
      expect(JSON.parse(response.body.toString()).detail).toContain('999999999');
      await client.closed;
      expect(handled).toBe(0);
    });
  });
}
