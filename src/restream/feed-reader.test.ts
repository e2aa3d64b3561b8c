import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { picturesIn, recordedFeed } from './feed.fixture.js';
import { type FeedBlock, type FeedItem, FeedReader } from './feed-reader.js';
import { ParameterSets } from './parameter-sets.js';

let feed: Buffer;
beforeAll(() => {
  feed = recordedFeed();
});

const read = (bytes: Buffer): FeedItem[] => new FeedReader().push(bytes);
const blocksOf = (items: readonly FeedItem[]): FeedBlock[] => items.filter((item) => item.kind === 'block');
const headerOf = (items: readonly FeedItem[]) => {
  const [first] = items;
  if (first?.kind !== 'header') throw new Error('no header');
  return first;
};

const facts = ({ opens, picture, key }: FeedBlock) => `${opens} ${picture} ${key}`;
const bytesOf = (items: readonly FeedItem[]): Buffer => {
  const sets = new ParameterSets('h264', headerOf(items));
  return Buffer.concat([sets.header, ...blocksOf(items).flatMap((block) => sets.bytesOf(block))]);
};

test('a feed is a header, then frames, and one can begin at each key of the picture', () => {
  const items = read(feed);
  expect(headerOf(items).pictureConfig?.[0]).toBe(1);
  const pictures = blocksOf(items).filter(({ picture }) => picture);
  expect(pictures).toHaveLength(20);
  expect(pictures.flatMap(({ opens }, n) => (opens ? [n] : []))).toEqual([0, 10]);
  expect(pictures.flatMap(({ key }, n) => (key ? [n] : []))).toEqual([0, 10]);
  expect(blocksOf(items).length).toBeGreaterThan(90);
});

test('of sound alone, one can begin at each cluster', () => {
  const blocks = blocksOf(read(recordedFeed({ picture: null, seconds: 4 })));
  expect(blocks.every(({ picture }) => !picture)).toBe(true);
  expect(blocks.filter(({ opens }) => opens).length).toBeGreaterThanOrEqual(3);
});

test('a receiver that begins at a later key decodes all from there', () => {
  const items = read(feed);
  const sets = new ParameterSets('h264', headerOf(items));
  const blocks = blocksOf(items);
  const second = blocks.findLastIndex(({ opens }) => opens);
  const bytes = blocks.slice(second).flatMap((block) => sets.bytesOf(block));
  expect(picturesIn(Buffer.concat([sets.header, ...bytes]))).toBe(10);
});

test('it makes no difference how the bytes come', () => {
  const whole = read(feed);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5_000 }), { maxLength: 60 }), (sizes) => {
      const reader = new FeedReader();
      const items: FeedItem[] = [];
      let at = 0;
      for (const size of sizes) {
        items.push(...reader.push(feed.subarray(at, at + size)));
        at += size;
      }
      items.push(...reader.push(feed.subarray(at)));
      expect(blocksOf(items).map(facts)).toEqual(blocksOf(whole).map(facts));
      expect(bytesOf(items).equals(bytesOf(whole))).toBe(true);
    }),
  );
});

test('bytes that are no feed give nothing more, and are not kept', () => {
  const reader = new FeedReader();
  reader.push(Buffer.concat([feed.subarray(0, 40), Buffer.alloc(100)]));
  expect(reader.broken).toBe(true);
  expect(reader.push(feed)).toEqual([]);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(feed.length - 1), fc.nat(300), (junk, at, more) => {
      const torn = new FeedReader();
      torn.push(feed.subarray(0, at));
      torn.push(Buffer.from(junk));
      torn.push(feed.subarray(at, at + more));
    }),
  );
});

/** The second half with other parameter sets, which stand before its first key alone, as ingest writes a change. */
function changedFeed(codec: 'h264' | 'hevc', coders: readonly [string[], string[]]) {
  const [first, second] = coders.map((picture) => read(recordedFeed({ picture, seconds: 3 })));
  if (first === undefined || second === undefined) throw new Error('no feeds');
  const header = headerOf(first);
  const config = headerOf(second).pictureConfig ?? Buffer.alloc(0);
  const inBand = new ParameterSets('hevc', { kind: 'header', bytes: config, pictureConfig: config });
  const pictures = blocksOf(second).filter(({ picture }) => picture);
  const changed = pictures.map((block, n) => {
    if (n > 0) return block;
    if (codec === 'h264') return { ...block, frame: Buffer.concat([setsOfAvc(config), block.frame]) };
    // Written by the code under test, which puts hvcC's own sets before a key that has none.
    return { ...block, frame: Buffer.concat(inBand.bytesOf(block).slice(3)) };
  });
  // Each cluster has its own time: the second half goes on behind the first.
  const moved = changed.map((block) => ({ ...block, clusterHead: later(block.clusterHead, 3000) }));
  return { header, blocks: [...blocksOf(first).filter(({ picture }) => picture), ...moved] };
}

function setsOfAvc(config: Buffer): Buffer {
  const spsEnd = 8 + config.readUInt16BE(6);
  const length = (size: number) => Buffer.from([0, 0, size >> 8, size & 0xff]);
  const pps = config.subarray(spsEnd + 3, spsEnd + 3 + config.readUInt16BE(spsEnd + 1));
  return Buffer.concat([length(spsEnd - 8), config.subarray(8, spsEnd), length(pps.length), pps]);
}

function later(clusterHead: Buffer, ms: number): Buffer {
  const at = clusterHead.lastIndexOf(0xe7);
  if (clusterHead.length === 0) return clusterHead;
  const time = clusterHead.readUIntBE(at + 2, clusterHead.length - at - 2) + ms;
  const tail = Buffer.from([0xe7, 0x84, 0, 0, 0, 0]);
  tail.writeUInt32BE(time, 2);
  return Buffer.concat([clusterHead.subarray(0, at), tail]);
}

const x265 = (...more: string[]) => [
  'libx265',
  '-preset',
  'ultrafast',
  '-x265-params',
  ['log-level=error', ...more].join(':'),
];

test.each([
  ['h264', 'flv', [['libx264'], ['libx264', '-profile:v', 'baseline']]],
  ['h264', 'mpegts', [['libx264'], ['libx264', '-profile:v', 'baseline']]],
  ['hevc', 'mpegts', [x265(), x265('ctu=16', 'sao=0', 'min-cu-size=8')]],
] as const)('%s whose parameter sets change is decodable in %s', (codec, format, coders) => {
  const { header, blocks } = changedFeed(codec, [[...coders[0]], [...coders[1]]]);
  const sets = new ParameterSets(codec, header);
  const head = format === 'mpegts' ? sets.headerForTs : sets.header;
  const input = Buffer.concat([head, ...blocks.flatMap((block) => sets.bytesOf(block))]);
  const filters = format === 'flv' ? ['-bsf:v', `${codec}_mp4toannexb,extract_extradata`] : [];
  const args = [
    '-v',
    'fatal',
    '-f',
    'matroska',
    '-i',
    'pipe:0',
    '-map',
    '0:v',
    '-c',
    'copy',
    ...filters,
    '-f',
    format,
    'pipe:1',
  ];
  const muxed = spawnSync('ffmpeg', args, { input, maxBuffer: 2 ** 26 });
  expect(picturesIn(muxed.stdout, ['-f', format])).toBe(60);
});
