import { Writable } from 'node:stream';
import type { FeedSink, FeedStart } from '../../src/ingest/feed-sink.js';

const WITNESS = 'witness';

/** Keeps the feeds of the channel `witness`; what other channels send is thrown away. */
export class WitnessSink implements FeedSink {
  readonly feeds: Buffer[][] = [];

  open({ channel }: FeedStart): Writable {
    const kept: Buffer[] = [];
    if (channel === WITNESS) this.feeds.push(kept);
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (channel === WITNESS) kept.push(chunk);
        done();
      },
    });
  }

  endBroadcast(): void {}
}
