import type { Exchange, Tools } from './exchange.js';
import { type CacheStatus, writeCacheStatus } from './semantics/cache-status.js';
import { endToEnd, joinedField } from './semantics/header-fields.js';
import type { Sent } from './send-span.js';
import type { UpstreamAnswer } from './upstream/upstream.js';

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
    if ((await pumpBody({ request, response }, answer, tools)) === 'sent') response.end();
  } catch (error) {
    if (!response.started) throw error;
    response.abort();
  } finally {
    request.signal.removeEventListener('abort', cancel);
    if (!body.readableEnded) body.destroy();
  }
}

/** Its body as it comes; the answer has been started, and is not ended. A body that breaks off throws. */
export async function pumpBody(
  { request, response }: Exchange,
  { body }: UpstreamAnswer,
  { metrics }: Tools,
): Promise<Sent> {
  for await (const chunk of body) {
    const bytes = chunk as Buffer;
    metrics.served('upstream', bytes.length);
    if (!response.write(bytes)) await response.drained();
    if (request.signal.aborted) return 'gone';
  }
  return 'sent';
}
