import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { HttpRequest, HttpResponse } from '../http/server.js';
import { Metrics } from '../telemetry/metrics.js';
import { EdgeMetrics } from './edge-metrics.js';
import { streamAnswer } from './stream-answer.js';

const chunk = Buffer.alloc(64 * 1024);

/** A body that counts what is pulled of it; 64 MiB long. */
function countedBody(): { body: Readable; pulled: { bytes: number } } {
  const pulled = { bytes: 0 };
  const read = function (this: Readable) {
    pulled.bytes += chunk.length;
    this.push(pulled.bytes > 1024 * chunk.length ? null : chunk);
  };
  return { pulled, body: new Readable({ highWaterMark: chunk.length, read }) };
}

describe('a streamed answer', () => {
  it('pulls no more than a few chunks ahead of a client that takes none, and stops when it leaves', async () => {
    const { body, pulled } = countedBody();
    const client = new AbortController();
    let written = 0;
    const request = { signal: client.signal } as HttpRequest;
    const response = {
      start: () => undefined,
      write: (bytes: Uint8Array) => {
        written += bytes.length;
        return false;
      },
      drained: () => new Promise<void>((resolve) => client.signal.addEventListener('abort', () => resolve())),
      abort: () => undefined,
      started: true,
    } as unknown as HttpResponse;
    const answer = { status: 200, headers: [], contentLength: null, body, server: 'a', askedAt: 0, receivedAt: 0 };
    const tools = { metrics: new EdgeMetrics(new Metrics()), now: () => 0 };
    const streaming = streamAnswer({ request, response }, answer, {}, tools);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(written).toBe(chunk.length);
    expect(pulled.bytes).toBeLessThanOrEqual(4 * chunk.length);
    client.abort();
    await streaming;
    expect(body.destroyed).toBe(true);
  });
});
