/**
 * An answer counts as come once its body has begun, or has ended empty: one that ends or falls silent behind its head is none, and what is kept, or
 * another server, may still do. That costs next to nothing: over HTTP/1.1 no engine sends a head by itself, it goes out with the first bytes of its body.
 */
import type { Readable } from 'node:stream';

interface Begun {
  readonly status: number;
  readonly contentLength: number | null;
  readonly body: Readable;
}

/** It broke off, or was silent for too long, behind its head; `code` as of a connection that did so before that. */
export class Unbegun extends Error {
  readonly code: string;

  constructor(code: string, cause?: Error) {
    super(`the answer ended behind its head${cause ? `: ${cause.message}` : ''}`, { cause });
    this.code = code;
  }
}

/**
 * Waits for the first byte of its body, or its end; null: that has come.
 *
 * @param leftMs how long a body of known length has for that, where another server could still be asked; null: as long as the connection allows. A body
 * of unknown length is made as it goes, and has that in any case.
 */
export async function untilBegun(answer: Begun, leftMs: number | null): Promise<Unbegun | null> {
  const { status, contentLength, body } = answer;
  if (contentLength === 0 || status === 204 || status === 304) return null;
  if (body.readableLength > 0 || body.readableEnded) return null;
  const broke = await beginning(answer, contentLength === null ? null : leftMs);
  if (broke === null) return null;
  const isLate = broke === 'late' || ('code' in broke && broke.code === 'UND_ERR_BODY_TIMEOUT');
  if (broke === 'late') body.destroy();
  return new Unbegun(isLate ? 'UND_ERR_BODY_TIMEOUT' : 'UND_ERR_SOCKET', broke === 'late' ? undefined : broke);
}

function beginning({ body }: Begun, leftMs: number | null): Promise<null | 'late' | Error> {
  return new Promise((resolve) => {
    const settle = (broke: null | 'late' | Error) => {
      clearTimeout(timer);
      body.off('readable', begun).off('end', begun).off('error', settle).off('close', closed);
      resolve(broke);
    };
    const begun = () => settle(null);
    const closed = () => settle(body.errored ?? new Error('it was closed'));
    const timer = leftMs === null ? undefined : setTimeout(() => settle('late'), leftMs);
    body.on('readable', begun).on('end', begun).on('error', settle).on('close', closed);
  });
}
