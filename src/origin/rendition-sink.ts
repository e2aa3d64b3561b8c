import { Writable } from 'node:stream';
import { Segmenter, type SegmenterEvent, type SegmenterOptions } from './cmaf/segmenter.js';

export interface RenditionSinkOptions extends SegmenterOptions {
  /** Takes what the bytes amount to. Resolves when more may come: the sink's backpressure. */
  readonly take: (event: SegmenterEvent) => Promise<void> | undefined;
  /** The open segment will not be closed: it was dropped, or what was to belong to it could not be used. */
  readonly onDropped: (failed: boolean) => void;
}

const HELD_BYTES_MAX = 256 * 1024;

/**
 * The bytes of one rendition of one run. Emits `error` when they are no CMAF track or break a bound.
 *
 * Life: written by transcode; `advance` as the run's lines become known; `closeSegment` (or the stream's own end) closes
 * the open segment as it stands, `dropSegment` (or a failure) forgets it: whichever comes first, once.
 */
export class RenditionSink extends Writable {
  readonly #segmenter: Segmenter;
  readonly #take: RenditionSinkOptions['take'];
  readonly #onDropped: RenditionSinkOptions['onDropped'];
  #closed = false;

  constructor(options: RenditionSinkOptions) {
    super({ highWaterMark: HELD_BYTES_MAX });
    this.#segmenter = new Segmenter(options);
    this.#take = options.take;
    this.#onDropped = options.onDropped;
  }

  get openSlot(): number | null {
    return this.#segmenter.openSlot;
  }

  override _write(piece: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // What comes after the run's end (a pipe that drains late) is of no more use.
    if (this.#closed) done();
    else this.#consume(this.#segmenter.push(piece), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.closeSegment(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // What could not be used must not be announced: the run after this one makes it again.
    if (error !== null) this.#drop(true);
    this.closeSegment(() => done(error));
  }

  /** More of the run's lines is known: what waited for them goes on. */
  advance(): void {
    if (this.#closed) return;
    this.#consume(this.#segmenter.advance(), (error) => {
      if (error) this.destroy(error);
    });
  }

  closeSegment(done: (error?: Error | null) => void = () => undefined): void {
    const events = this.#closed ? [] : this.#segmenter.end();
    this.#closed = true;
    this.#consume(events, done);
  }

  dropSegment(): void {
    this.#drop(false);
  }

  #drop(failed: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onDropped(failed);
  }

  /** Synchronous up to the last event, so that segments are numbered in the order in which the bytes came. */
  #consume(events: Iterable<SegmenterEvent>, done: (error?: Error | null) => void): void {
    let waits: Promise<void> | undefined;
    try {
      for (const event of events) waits = this.#take(event) ?? waits;
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (waits === undefined) done();
    else waits.then(() => done(), done);
  }
}
