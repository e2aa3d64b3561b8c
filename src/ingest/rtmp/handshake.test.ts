import { execFile } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../telemetry/log.js';
import { Metrics } from '../../telemetry/metrics.js';
import { Handshake } from './handshake.js';
import { openRtmpServer } from './server.js';

const C1 = Buffer.concat([Buffer.alloc(8), randomBytes(1528)]);

it('a plain client gets random bytes and its own back, however its bytes are cut', () => {
  const said = Buffer.concat([Buffer.from([3]), C1, Buffer.alloc(1536, 5), Buffer.from('next')]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 12 }), (pieces) => {
      const handshake = new Handshake();
      const answers: Buffer[] = [];
      let at = 0;
      for (const piece of [...pieces, said.length]) {
        const step = handshake.take(said.subarray(at, at + piece));
        if (step.kind === 'not-rtmp') throw new Error('refused');
        if (step.answer !== null) answers.push(step.answer);
        at += piece;
        if (step.kind === 'done') {
          expect(said.subarray(-4).subarray(0, step.rest.length)).toEqual(step.rest);
          break;
        }
      }
      expect(answers.map((answer) => answer.length)).toEqual([1 + 2 * 1536]);
      expect(answers[0]?.[0]).toBe(3);
      expect(answers[0]?.subarray(1537)).toEqual(C1);
    }),
    { numRuns: 50 },
  );
});

it('other protocols are told apart by their first byte', () => {
  expect(new Handshake().take(Buffer.from('GET / HTTP/1.1'))).toEqual({ kind: 'not-rtmp' });
  expect(new Handshake().take(Buffer.from([0x16, 3, 1]))).toEqual({ kind: 'not-rtmp' });
});

describe('a client that signs', () => {
  it.each([8, 772])('with its digest placed at %i is answered with a signature of it', (scheme) => {
    const part = Buffer.concat([Buffer.alloc(4), Buffer.from([9, 0, 124, 2]), randomBytes(1528)]);
    const at = scheme + 4 + (part.subarray(scheme, scheme + 4).reduce((sum, byte) => sum + byte, 0) % 728);
    const unsigned = Buffer.concat([part.subarray(0, at), part.subarray(at + 32)]);
    createHmac('sha256', 'Genuine Adobe Flash Player 001').update(unsigned).digest().copy(part, at);
    const step = new Handshake().take(Buffer.concat([Buffer.from([3]), part]));
    const answer = step.kind === 'more' ? step.answer : null;
    expect(answer?.length).toBe(1 + 2 * 1536);
    expect(answer?.subarray(5, 9)).not.toEqual(Buffer.alloc(4));
    expect(answer?.subarray(1537)).not.toEqual(part);
  });

  it('finds our signature right: the real ffmpeg checks it before it plays', async () => {
    const publishing = { admit: async () => ({ ok: false, reason: 'busy', message: 'never asked' }) as const };
    const metrics = new Metrics();
    const server = await openRtmpServer({ host: '127.0.0.1', port: 0, publishing, log: silentLog, metrics });
    const address = `rtmp://127.0.0.1:${server.address.port}/live/any`;
    const said = await new Promise<string>((resolve) => {
      execFile('ffmpeg', ['-v', 'debug', '-nostdin', '-i', address, '-f', 'null', '-'], (_, __, stderr) =>
        resolve(stderr),
      );
    });
    expect(said).not.toMatch(/Server response validating failed|Signature mismatch/i);
    expect(said).toContain('this server takes publishers only');
    await server.close(1000);
  });
});
