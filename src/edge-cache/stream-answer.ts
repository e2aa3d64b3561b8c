import { type CacheStatus, writeCacheStatus } from './cache-status.js';
import type { Exchange, Tools } from './exchange.js';
import { endToEnd, joinedField } from './header-fields.js';
import type { UpstreamAnswer } from './upstream.js';

const remade = new Set(['cache-status', 'content-length', 'date']);

/**
 * Hands an upstream's answer to one client as it comes, as fast as that client takes it; nothing is kept.
 *
 * What is held: one chunk (≤ 64 KiB) here, 64 KiB in the upstream's stream, and the engine's send buffer. When the client
 * leaves, the upstream's request is cancelled; when the upstream breaks off, the client is cut.
 */
export async function streamAnswer(
  { request, response }: Exchange,
  answer: UpstreamAnswer,
  status: CacheStatus,
  tools: Tools,
): Promise<void> {
  const { body } = answer;
  if (request.signal.aborted) {
    body.destroy();
    return;
  }
  const cancel = () => body.destroy();
  request.signal.addEventListener('abort', cancel, { once: true });
  const own = writeCacheStatus({ fwdStatus: answer.status, ...status }, joinedField(answer.headers, 'cache-status'));
  const headers = [...endToEnd(answer.headers, remade), ['cache-status', own] as const];
  try {
    response.start(answer.status, headers, answer.contentLength ?? undefined);
    await pump({ request, response }, answer, tools);
  } catch (error) {
    if (!response.started) throw error;
    response.abort();
  } finally {
    request.signal.removeEventListener('abort', cancel);
    if (!body.readableEnded) body.destroy();
  }
}

async function pump({ request, response }: Exchange, { body }: UpstreamAnswer, tools: Tools): Promise<void> {
  for await (const chunk of body) {
    const bytes = chunk as Buffer;
    tools.metrics.served('upstream', bytes.length);
    if (!response.write(bytes)) await response.drained();
    if (request.signal.aborted) return;
  }
  response.end();
}
