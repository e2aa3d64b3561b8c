/**
 * One signed POST of JSON to somebody else's server, with a deadline and a bounded answer. Redirects are not followed: the
 * receiver is the one that the operator named.
 */
import { createHmac } from 'node:crypto';
import { type Dispatcher, request } from 'undici';
import { messageOf } from '../telemetry/failure.js';

export interface HookCall {
  readonly url: string;
  /** Signs the body; null: it is not signed. */
  readonly secret: string | null;
  /** JSON. */
  readonly body: string;
  /** For the whole exchange, ms. */
  readonly timeoutMs: number;
  /** Of the answer; the rest is not read. */
  readonly answerBytesMax: number;
  readonly signal: AbortSignal;
  readonly dispatcher: Dispatcher;
  /** Epoch ms. */
  readonly now: () => number;
}

export type HookAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }
  /** No answer came: in words. */
  | { readonly kind: 'failed'; readonly message: string };

export async function callHook(call: HookCall): Promise<HookAnswer> {
  const { url, body, timeoutMs, answerBytesMax, dispatcher } = call;
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([deadline, call.signal]);
  try {
    const answer = await request(url, { method: 'POST', headers: headersOf(call), body, signal, dispatcher });
    const text = await readBounded(answer.body, answerBytesMax);
    return { kind: 'answered', status: answer.statusCode, body: text };
  } catch (error) {
    const message = deadline.aborted ? `no answer within ${timeoutMs} ms` : messageOf(error);
    return { kind: 'failed', message };
  }
}

function headersOf({ secret, body, now }: HookCall): Record<string, string> {
  return {
    'content-type': 'application/json',
    'user-agent': 'headwater',
    ...(secret === null ? {} : { 'headwater-signature': signatureOf(secret, body, Math.floor(now() / 1000)) }),
  };
}

/** `t=<seconds since 1970>,v1=<hex HMAC-SHA256 of "t.body">`: the time is signed, so that old calls cannot be sent again. */
function signatureOf(secret: string, body: string, atSec: number): string {
  return `t=${atSec},v1=${createHmac('sha256', secret).update(`${atSec}.${body}`).digest('hex')}`;
}

async function readBounded(body: Dispatcher.ResponseData['body'], bytesMax: number): Promise<string> {
  const parts: Buffer[] = [];
  let left = bytesMax;
  for await (const part of body as AsyncIterable<Buffer>) {
    parts.push(part.subarray(0, left));
    left -= part.length;
    // Leaving the loop destroys the body.
    if (left <= 0) break;
  }
  return Buffer.concat(parts).toString('utf8');
}
