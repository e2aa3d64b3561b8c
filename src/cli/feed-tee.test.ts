import { once } from 'node:events';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import type { FeedStart } from '../ingest/feed-sink.js';
import { teeFeeds } from './feed-tee.js';

const START = { channel: 'news', broadcastId: 'b_1' } as FeedStart;

/** A sink whose one writable takes what it is given when it is told to. */
function teed({ takes = true } = {}) {
  const got: string[] = [];
  const copied: string[] = [];
  const ended: string[] = [];
  let wait: (() => void) | null = null;
  const main = new Writable({
    highWaterMark: 10,
    write: (piece: Buffer, _encoding, done) => {
      got.push(piece.toString());
      if (takes) done();
      else wait = done;
    },
  });
  main.on('error', () => {});
  const sink = teeFeeds(
    { open: () => main, endBroadcast: (id) => ended.push(`sink ${id}`) },
    {
      open: () => ({ push: (piece) => copied.push(piece.toString()) }),
      endBroadcast: (id) => ended.push(`copy ${id}`),
    },
  );
  const takeOn = () => {
    const done = wait;
    wait = null;
    done?.();
  };
  return { sink, main, got, copied, ended, takeOn };
}

test('both get everything, and the end', async () => {
  const { sink, main, got, copied, ended } = teed();
  const tee = sink.open(START);
  tee.cork();
  tee.write('a');
  tee.write('b');
  tee.uncork();
  tee.end('c');
  await once(tee, 'close');
  expect(got.join('')).toBe('abc');
  expect(copied.join('')).toBe('abc');
  expect(main.writableFinished).toBe(true);
  sink.endBroadcast('b_1');
  expect(ended).toEqual(['sink b_1', 'copy b_1']);
});

test("the sink's backpressure is the feed's, and the copy's is nobody's", async () => {
  const { sink, got, takeOn } = teed({ takes: false });
  const tee = sink.open(START);
  tee.write('0123456789');
  expect(tee.writableNeedDrain).toBe(true);
  tee.write('more');
  await new Promise((resolve) => setImmediate(resolve));
  expect(got).toEqual(['0123456789']);
  expect(tee.writableNeedDrain).toBe(true);
  const drained = once(tee, 'drain');
  takeOn();
  await drained;
  expect(got).toEqual(['0123456789', 'more']);
});

test('what the sink destroys is destroyed for ingest, and the other way round', async () => {
  const one = teed();
  const tee = one.sink.open(START);
  const failed = once(tee, 'error');
  one.main.destroy(new Error('the encoder is gone'));
  expect((await failed)[0].message).toBe('the encoder is gone');
  expect(tee.destroyed).toBe(true);
  const other = teed();
  const given = other.sink.open(START);
  given.on('error', () => {});
  given.destroy(new Error('too slow'));
  await new Promise((resolve) => other.main.once('close', resolve));
  expect(other.main.destroyed).toBe(true);
  const late = teed();
  late.main.destroy();
  expect(late.sink.open(START).destroyed).toBe(true);
});
