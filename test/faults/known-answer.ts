import { type Agent, type IncomingMessage, request } from 'node:http';
import { bodyOf } from './known-origin.js';

/** How a request ended. No `Ended` has a wrong byte: `askKnown` throws then. */
export type Ended =
  /** No head came. */
  | { readonly how: 'refused' }
  /** It broke off, and the client could see that. */
  | { readonly how: 'cut'; readonly status: number; readonly bytes: number }
  | {
      readonly how: 'whole';
      readonly status: number;
      /** Of a 200 or 206. */
      readonly version: number | null;
      /** Of a 204: the version that it made; else 0. */
      readonly changedTo: number;
      readonly cacheStatus: string;
      readonly bytes: number;
    };

export interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent;
}

/**
 * Asks for what a `KnownOrigin` has, and compares every byte that comes with what that has there in the version that the answer names.
 * Rejects where one differs, or where a body passes for whole and is not.
 */
export function askKnown(base: string, path: string, asking: Asking = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, agent } = asking;
    const sent = request(base + path, { method, headers, agent: agent ?? false });
    let hasHead = false;
    sent.on('error', () => {
      if (hasHead) return;
      // A kept-open connection may be closed for idleness just then: that says nothing of this request.
      if (sent.reusedSocket) askKnown(base, path, { method, headers }).then(resolve, reject);
      else resolve({ how: 'refused' });
    });
    sent.once('response', (incoming) => {
      hasHead = true;
      read(incoming, path).then(resolve, reject);
    });
    sent.end();
  });
}

async function read(incoming: IncomingMessage, path: string): Promise<Ended> {
  const status = incoming.statusCode ?? 0;
  const chunks: Buffer[] = [];
  let whole = true;
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
  } catch {
    whole = false;
  }
  const body = Buffer.concat(chunks);
  const version = status === 200 || status === 206 ? judge(incoming, path, body, whole) : null;
  if (!whole) return { how: 'cut', status, bytes: body.length };
  const cacheStatus = String(incoming.headers['cache-status']);
  const changedTo = status === 204 ? Number(incoming.headers['x-version']) : 0;
  return { how: 'whole', status, version, changedTo, cacheStatus, bytes: body.length };
}

function judge(incoming: IncomingMessage, path: string, body: Buffer, whole: boolean): number {
  const { headers } = incoming;
  const version = Number(headers['x-version']);
  const known = wanted(incoming, bodyOf(path, version));
  const told = `${incoming.statusCode} to ${path} of version ${version} (${headers['cache-status']})`;
  if (whole && body.length !== known.length)
    throw new Error(`${told}: ${body.length} bytes pass for all of ${known.length}`);
  if (!body.equals(known.subarray(0, body.length))) throw new Error(`${told}: a byte is wrong`);
  if (headers.etag !== undefined && headers.etag !== `"v${version}"`) throw new Error(`${told}: its ETag is another's`);
  return version;
}

function wanted({ statusCode, headers }: IncomingMessage, all: Buffer): Buffer {
  if (statusCode === 200) return all;
  const [, first, last, length] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers['content-range'] ?? '') ?? [];
  if (Number(length) !== all.length) throw new Error(`the range is of something else: ${headers['content-range']}`);
  return all.subarray(Number(first), Number(last) + 1);
}
