import { STATUS_CODES } from 'node:http';
import { fieldName, type HeaderLines } from './request-head.js';

/** Headers that describe the connection or the sending: the engine writes them, whatever a handler or an upstream said. */
const engineOwned = new Set(['date', 'content-length', 'connection', 'keep-alive', 'transfer-encoding']);

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not pass
const unsafeValue = /[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]/;

/** What was checked last: one answer for thousands of clients is checked once. */
let checked: { readonly given: HeaderLines; readonly sendable: HeaderLines } | null = null;

/** The lines to send; the very same list for the very same list, which must not change. Throws on a name or value that would break the head apart (response splitting). */
export function sendableHeaders(headers: HeaderLines): HeaderLines {
  if (checked?.given === headers) return checked.sendable;
  for (const [name, value] of headers) {
    if (!fieldName.test(name) || unsafeValue.test(value))
      throw new Error(`the header ${JSON.stringify(name)} cannot be sent`);
  }
  const sendable = headers.filter(([name]) => !engineOwned.has(name.toLowerCase()));
  checked = { given: headers, sendable };
  return sendable;
}

/** Whether a response with this status to this method carries no body (RFC 9112 §6.3). */
export function bodyForbidden(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304;
}

/** `404 Not Found`. */
export function statusLine(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? 'Unknown'}`;
}

/** Throws unless the status is an interim one that is not said of the connection (100 asks for a body, 101 changes the protocol). */
export function assertInterimStatus(status: number): void {
  if (!Number.isInteger(status) || status < 102 || status > 199) throw new Error(`${status} is not an interim status`);
}

/** Throws unless the status is one that ends a response; uWebSockets.js cannot send interim ones. */
export function assertFinalStatus(status: number): void {
  if (!Number.isInteger(status) || status < 200 || status > 599) throw new Error(`${status} is not a final status`);
}
