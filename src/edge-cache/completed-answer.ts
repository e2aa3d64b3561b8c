/**
 * The answer to a request for the whole, out of a part that is kept and the rest, which was asked for with Range and If-Range (RFC 9111 §3.4,
 * RFC 9110 §15.3.7.3).
 */
import { Readable } from 'node:stream';
import type { KeptPart } from './kept-parts.js';
import { type Block, blockAnswer } from './large-bodies.js';
import type { BodyReader } from './memory/body-reader.js';
import type { HeaderPair } from './semantics/header-fields.js';
import { gapBeside } from './semantics/part-place.js';
import type { UpstreamAnswer } from './upstream/upstream.js';

/** Most bytes handed on at once. */
const sliceBytes = 64 * 1024;

/** A part that has the beginning or the end of its body, and is to be completed. Its bytes are held until `close`, or until the answer has been read. */
export class Completion {
  readonly #part: KeptPart;
  readonly #reader: BodyReader;
  readonly #gap: Block;

  constructor(part: KeptPart) {
    const { object, place } = part;
    const etag = object.head.etag ?? '';
    this.#part = part;
    this.#reader = object.openReader(0);
    this.#gap = { ...gapBeside(place), body: { length: place.total, etag, blockBytes: place.total } };
  }

  /** For the request upstream: the rest, if the whole has not changed (RFC 9110 §14.2, §13.1.5). */
  get fields(): HeaderPair[] {
    const { first, last, body } = this.#gap;
    return [
      ['range', `bytes=${first}-${last === body.length - 1 ? '' : last}`],
      ['if-range', body.etag],
    ];
  }

  /** Null: it is not the rest of that body, and is untouched. */
  whole(rest: UpstreamAnswer): UpstreamAnswer | null {
    const answer = rest.status === 206 ? blockAnswer(rest, this.#gap) : null;
    const { object, place } = this.#part;
    if (answer === null || object.phase !== 'complete') return null;
    const named = new Set([...answer.headers.map(([name]) => name), 'content-range', 'date']);
    const kept = object.head.headers.filter(([name]) => !named.has(name));
    const told = answer.headers.filter(([name]) => name !== 'content-length');
    const body = Readable.from(place.first === 0 ? this.#kept(answer.body) : this.#followed(answer.body));
    body.on('error', () => undefined);
    body.once('close', () => {
      answer.body.destroy();
      this.close();
    });
    return { ...answer, headers: [...kept, ...told], contentLength: place.total, body };
  }

  close(): void {
    this.#reader.close();
  }

  async *#kept(rest: Readable): AsyncGenerator<Buffer> {
    yield* this.#bytes();
    yield* rest;
  }

  async *#followed(rest: Readable): AsyncGenerator<Buffer> {
    yield* rest;
    yield* this.#bytes();
  }

  /** Copied, for memory may need theirs before they are read. */
  *#bytes(): Generator<Buffer> {
    const { object } = this.#part;
    for (let at = 0; at < object.filled; at += sliceBytes) {
      if (object.phase !== 'complete') throw new Error('memory needed the kept part');
      yield Buffer.from(object.view(at, Math.min(object.filled, at + sliceBytes)));
    }
  }
}
