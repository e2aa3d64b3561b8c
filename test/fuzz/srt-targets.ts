import { readStreamId } from '../../src/ingest/srt/stream-id.js';
import type { FuzzTarget } from './fuzz-run.js';
import { mutate } from './mutate.js';

const STREAM_IDS = [
  'key-hall',
  'key-hall?backup=1',
  '#!::r=hall,m=publish,s=key-hall',
  '#!::m=publish,s=key-hall,backup=1,u=someone,t=stream,h=example.org',
  '#!:{r=hall}',
].map((text) => Buffer.from(text));

/** What an SRT caller says of itself in its handshake. */
export function srtTargets(): FuzzTarget[] {
  const streamId: FuzzTarget = {
    name: 'SRT stream ids',
    share: 8,
    attempt(random) {
      const read = readStreamId(mutate(random, random.pick(STREAM_IDS), { others: STREAM_IDS }).toString('latin1'));
      if (read.ok && !/^[\x21-\x7e]{1,256}$/.test(read.wish.streamKey)) throw new Error('a key of foreign letters');
      return read.ok;
    },
  };
  return [streamId];
}
