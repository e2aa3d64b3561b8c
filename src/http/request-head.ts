/**
 * The request head as a handler sees it, and the judgement of heads that must not reach one. Both engines' parsers let
 * some ambiguous heads through (each different ones), and two readers of one request that disagree about where it ends
 * are what request smuggling lives on (RFC 9112 §11.2): so the same strict judgement runs over both.
 */
export type HeaderLines = readonly (readonly [string, string])[];

export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: HeaderLines;
}

/** How the body's end is found (RFC 9112 §6.3). */
export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' };

export type HeadVerdict =
  | { readonly accepted: true; readonly framing: BodyFraming }
  | { readonly accepted: false; readonly status: number; readonly title: string; readonly detail: string };

/** Header lines of one request; above it 431. No browser or proxy comes near. */
export const headerLinesMax = 100;

/** RFC 9110 §5.6.2: a token. */
export const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const visibleAscii = /^[\x21-\x7e]*$/;
export const hostShape = /^[A-Za-z0-9._~%!$&'()*+,;=:[\]-]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not pass
export const controlCharacter = /[\x00-\x08\x0a-\x1f\x7f]/;

/** The values of a header joined by `, ` (RFC 9110 §5.3), or undefined when it was not sent. */
export function joinedHeader(headers: HeaderLines, name: string): string | undefined {
  let joined: string | undefined;
  for (const [key, value] of headers) {
    if (key === name) joined = joined === undefined ? value : `${joined}, ${value}`;
  }
  return joined;
}

/** Judges a parsed head. `headBytesMax` bounds the bytes of request line and header lines together. */
export function judgeHead(head: RequestHead, headBytesMax: number): HeadVerdict {
  if (head.headers.length > headerLinesMax || headBytes(head) > headBytesMax) {
    return refused(431, 'Request Header Fields Too Large', 'The request line and headers are too large.');
  }
  if (!head.path.startsWith('/') || !visibleAscii.test(head.path) || !visibleAscii.test(head.query)) {
    return badRequest('The request target must be a path in visible ASCII characters.');
  }
  const hosts: string[] = [];
  for (const [name, value] of head.headers) {
    if (!fieldName.test(name)) return badRequest('A header has no valid name.');
    if (controlCharacter.test(value)) return badRequest(`The header ${name} holds a control character.`);
    if (name === 'host') hosts.push(value);
  }
  if (hosts.length !== 1 || !hostShape.test(hosts[0] ?? '')) {
    return badRequest('There must be exactly one valid Host header.');
  }
  return judgeFraming(head.headers);
}

function judgeFraming(headers: HeaderLines): HeadVerdict {
  const lengths: string[] = [];
  const codings: string[] = [];
  for (const [name, value] of headers) {
    if (name === 'content-length') lengths.push(value);
    else if (name === 'transfer-encoding') codings.push(value);
  }
  if (lengths.length + codings.length > 1) {
    return badRequest('There may be one Content-Length or one Transfer-Encoding header, not more and not both.');
  }
  const [length] = lengths;
  const [coding] = codings;
  if (coding !== undefined) {
    if (coding.toLowerCase() === 'chunked') return { accepted: true, framing: { kind: 'chunked' } };
    return badRequest('The only transfer coding taken is chunked.');
  }
  if (length === undefined) return { accepted: true, framing: { kind: 'none' } };
  if (!/^\d{1,15}$/.test(length)) return badRequest('Content-Length must be a plain number of bytes.');
  const bytes = Number(length);
  return { accepted: true, framing: bytes === 0 ? { kind: 'none' } : { kind: 'length', bytes } };
}

/** As sent, to within the white space that the parser dropped. */
function headBytes(head: RequestHead): number {
  let bytes = head.method.length + head.path.length + head.query.length + 14;
  for (const [name, value] of head.headers) bytes += name.length + value.length + 4;
  return bytes;
}

function badRequest(detail: string): HeadVerdict {
  return refused(400, 'Bad Request', detail);
}

function refused(status: number, title: string, detail: string): HeadVerdict {
  return { accepted: false, status, title, detail };
}
