import type { IncomingMessage } from 'node:http';

export type ReadBody =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'late' }
  | { readonly kind: 'gone' };

/** What is read and thrown away of a body that is too large, so that its sender gets to see the answer. */
const DISCARDED_MAX = 1024 * 1024;

/** Reads a small text body whole, within bounds of bytes and time. */
export function readBody(req: IncomingMessage, bytesMax: number, ms: number): Promise<ReadBody> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    const settle = (body: ReadBody) => {
      clearTimeout(timer);
      req.off('data', onData);
      resolve(body);
    };
    const timer = setTimeout(() => settle({ kind: 'late' }), ms);
    const onData = (part: Buffer) => {
      bytes += part.length;
      if (bytes <= bytesMax) parts.push(part);
      else parts.length = 0;
      if (bytes > bytesMax + DISCARDED_MAX) settle({ kind: 'too-large' });
    };
    req.on('data', onData);
    req.once('end', () =>
      settle(bytes > bytesMax ? { kind: 'too-large' } : { kind: 'text', text: Buffer.concat(parts).toString('utf8') }),
    );
    req.once('error', () => settle({ kind: 'gone' }));
    req.once('close', () => settle({ kind: 'gone' }));
  });
}
