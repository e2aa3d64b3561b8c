import type { Exchange, Tools } from './exchange.js';
import type { CachedObject } from './memory/cached-object.js';

/** How it ended. `gone`: the client has left. `failed`: the rest will not come; the client was cut, so that it sees that. */
export type Sent = 'sent' | 'gone' | 'failed';

/** Most bytes handed to a client's socket at once. */
const sliceBytes = 256 * 1024;

/** A stretch of a body. */
export interface Span {
  readonly from: number;
  /** The byte behind its last; null: to the end of the body, wherever that is. */
  readonly end: number | null;
}

/** Sends a stretch of an object's body, as it comes and as fast as the client takes it; the answer has been started, and is not ended. */
export async function sendSpan(
  { request, response }: Exchange,
  object: CachedObject,
  { from, end }: Span,
  { metrics }: Tools,
): Promise<Sent> {
  const { signal } = request;
  const reader = object.openReader(from);
  const leave = () => reader.close();
  signal.addEventListener('abort', leave, { once: true });
  try {
    while (!signal.aborted && reader.at < (end ?? object.length ?? Number.POSITIVE_INFINITY)) {
      const bytes = object.view(reader.at, Math.min(end ?? Number.POSITIVE_INFINITY, reader.at + sliceBytes));
      if (bytes.length === 0) {
        if (object.phase === 'failed') {
          response.abort();
          return 'failed';
        }
        await reader.change();
        continue;
      }
      metrics.served('cache', bytes.length);
      if (!response.write(bytes)) await response.drained();
      reader.moveTo(reader.at + bytes.length);
    }
    return signal.aborted ? 'gone' : 'sent';
  } finally {
    // Not before nobody looks at its bytes any more.
    if (!response.isDrained) await response.drained();
    signal.removeEventListener('abort', leave);
    reader.close();
  }
}
