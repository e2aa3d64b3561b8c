import { Writable } from 'node:stream';
import type { FeedSink, FeedStart } from '../ingest/feed-sink.js';

/** Whoever gets a copy of each feed. It must take what it is given at once. */
export interface FeedListener {
  open(start: FeedStart): { push(piece: Buffer): void };
  endBroadcast(broadcastId: string): void;
}

/** A sink that also lets a listener see everything: what holds the feed back, ends or destroys it is the sink's doing alone. */
export function teeFeeds(sink: FeedSink, listener: FeedListener): FeedSink {
  return {
    open: (start) => new FeedTee(sink.open(start), listener.open(start)),
    endBroadcast(broadcastId) {
      sink.endBroadcast(broadcastId);
      listener.endBroadcast(broadcastId);
    },
  };
}

/**
 * One feed on its way to the sink's writable. It holds what the writable refuses for now, up to the same mark, and so passes its
 * backpressure on.
 *
 * Lifetime: that of the writable, which it ends and is destroyed with.
 */
class FeedTee extends Writable {
  readonly #main: Writable;
  readonly #copy: { push(piece: Buffer): void };

  constructor(main: Writable, copy: { push(piece: Buffer): void }) {
    super({ highWaterMark: main.writableHighWaterMark, decodeStrings: true });
    this.#main = main;
    this.#copy = copy;
    main.on('error', (error) => this.destroy(error));
    main.on('close', () => this.destroy());
    if (main.destroyed) this.destroy();
  }

  override _write(piece: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#pass([piece], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#pass(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: () => void): void {
    this.#main.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#main.writableFinished) this.#main.destroy(error ?? undefined);
    done(error);
  }

  #pass(pieces: readonly Buffer[], done: () => void): void {
    this.#main.cork();
    for (const piece of pieces) this.#main.write(piece);
    this.#main.uncork();
    for (const piece of pieces) this.#copy.push(piece);
    if (this.#main.writableNeedDrain) this.#main.once('drain', done);
    else done();
  }
}
