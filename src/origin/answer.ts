import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { problemDocument } from '../http/problem.js';
import { type CacheKind, cacheControl } from './cache-policy.js';

/** What the door says to a request, before conditions and ranges are applied. */
export interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  /** Strong and quoted, or null where there is nothing to compare. */
  readonly etag: string | null;
  readonly content: Content;
}

export type Content =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** Opened only when a body is really sent. `range` is inclusive. Null: it has gone since it was looked up. */
  | {
      readonly kind: 'stream';
      readonly size: number;
      readonly open: (range?: { start: number; end: number }) => Promise<OpenStream | null>;
    };

export interface OpenStream {
  readonly body: Readable;
  /** Gives back what the stream held, e.g. its place at the store. Called once. */
  readonly release: () => void;
}

export interface ContentFacts {
  readonly type: string;
  readonly cache: CacheKind;
  readonly etag?: string;
  readonly extra?: readonly (readonly [string, string])[];
}

export function bytesAnswer(bytes: Buffer, facts: ContentFacts): Answer {
  return {
    status: 200,
    headers: headersOf(facts),
    etag: facts.etag ?? contentTag(bytes),
    content: { kind: 'bytes', bytes },
  };
}

export function textAnswer(text: string, facts: ContentFacts): Answer {
  return bytesAnswer(Buffer.from(text), facts);
}

export function streamAnswer(
  content: Extract<Content, { kind: 'stream' }>,
  facts: ContentFacts & { readonly etag: string },
): Answer {
  return { status: 200, headers: headersOf(facts), etag: facts.etag, content };
}

/** A problem document (RFC 9457). `detail` is for strangers. */
export function problemAnswer(
  status: number,
  title: string,
  detail: string,
  cache: CacheKind,
  extra: readonly (readonly [string, string])[] = [],
): Answer {
  return {
    status,
    headers: headersOf({ type: 'application/problem+json', cache, extra }),
    etag: null,
    content: { kind: 'bytes', bytes: problemDocument(status, title, detail) },
  };
}

function headersOf({ type, cache, extra = [] }: ContentFacts): (readonly [string, string])[] {
  return [['content-type', type], ['cache-control', cacheControl(cache)], ...extra];
}

function contentTag(bytes: Buffer): string {
  return `"${createHash('sha1').update(bytes).digest('base64url').slice(0, 16)}"`;
}
