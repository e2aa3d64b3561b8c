/** Several ranges in one answer: `multipart/byteranges` (RFC 9110 §14.6). */
import { randomBytes } from 'node:crypto';
import type { HttpResponse } from '../http/server.js';
import type { ByteRange } from './semantics/byte-range.js';
import type { Sent, Span } from './send-span.js';

export interface MultipartRanges {
  /** Of the whole answer. */
  readonly contentType: string;
  /** Bytes of the whole answer. */
  readonly length: number;
  /** Each: what is sent before the bytes of its range. */
  readonly parts: readonly { readonly preamble: Buffer; readonly range: ByteRange }[];
  readonly closing: Buffer;
}

/** @param contentType of the body that the ranges are of; null when it has none. @param total bytes of that body. */
export function multipartRanges(
  ranges: readonly ByteRange[],
  contentType: string | null,
  total: number,
): MultipartRanges {
  // 16 random bytes: a body that contains them by chance is not to be expected, and nobody can write one that does.
  const boundary = randomBytes(16).toString('hex');
  const type = contentType === null ? '' : `Content-Type: ${contentType}\r\n`;
  const parts = ranges.map((range, at) => {
    const place = `Content-Range: bytes ${range.first}-${range.last}/${total}\r\n\r\n`;
    return { preamble: Buffer.from(`${at === 0 ? '' : '\r\n'}--${boundary}\r\n${type}${place}`, 'latin1'), range };
  });
  const closing = Buffer.from(`\r\n--${boundary}--\r\n`);
  const bytes = parts.reduce((sum, { preamble, range }) => sum + preamble.length + range.last - range.first + 1, 0);
  return { contentType: `multipart/byteranges; boundary=${boundary}`, length: bytes + closing.length, parts, closing };
}

/** The answer has been started, and is not ended. `send` sends the bytes of one range. */
export async function sendParts(
  response: HttpResponse,
  { parts, closing }: MultipartRanges,
  send: (span: Span) => Promise<Sent>,
): Promise<Sent> {
  for (const { preamble, range } of parts) {
    response.write(preamble);
    const sent = await send({ from: range.first, end: range.last + 1 });
    if (sent !== 'sent') return sent;
  }
  response.write(closing);
  return 'sent';
}
