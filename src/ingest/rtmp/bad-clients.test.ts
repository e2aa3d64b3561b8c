import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../telemetry/log.js';
import { AAC, type Publisher, probe, startPublishing, TEST_PICTURE, TEST_TONE, X264 } from '../ffmpeg.fixture.js';
import { PublishingBench, until } from '../publishing.fixture.js';
import { amf, messageBytes, RtmpClient } from './rtmp-client.fixture.js';
import { openRtmpServer, type RtmpServer } from './server.js';

/** Every client that misbehaves is dealt with alone: all the while a real publisher streams to the same server. */
let bench: PublishingBench;
let server: RtmpServer;
let port: number;
let witness: Publisher;

beforeAll(async () => {
  bench = await PublishingBench.open();
  const limits = { handshakeMs: 1000, publishDeadlineMs: 1500, idleMs: 3000, lingerMs: 200 };
  const { publishing, metrics } = bench;
  server = await openRtmpServer({ host: '127.0.0.1', port: 0, publishing, log: silentLog, metrics, limits });
  port = server.address.port;
  witness = startPublishing(`rtmp://127.0.0.1:${port}/live/key-witness`, TEST_PICTURE, TEST_TONE, X264, AAC);
  await until(() => bench.sink.feeds.length === 1, 'the witness');
});

afterAll(async () => {
  witness.kill();
  await witness.done;
  await server.close(1000);
  await bench.close();
});

const setChunkSize = (size: number) => {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(size);
  return messageBytes(1, payload, { cid: 2 });
};
const hugeHead = Buffer.from([4, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0, 0x17]);
const begun = (cid: number) => messageBytes(20, Buffer.alloc(60_000), { cid }).subarray(0, 140);
const changed = messageBytes(20, Buffer.alloc(90));
const deepObject = Buffer.concat([
  amf('connect', 1),
  ...Array.from({ length: 5000 }, () => Buffer.from([3, 0, 1, 0x61])),
]);

/** How often connections were cut for this reason so far. */
async function cuts(reason: string): Promise<number> {
  const metric = await bench.metrics.registry.getSingleMetric('headwater_ingest_rtmp_cut_total')?.get();
  return metric?.values.find((value) => value.labels.reason === reason)?.value ?? 0;
}

async function slotFree(): Promise<void> {
  await until(() => bench.publishing.live().every((live) => live.channel !== 'hall'), 'the slot');
}

async function expectCut(client: RtmpClient, reason: string, act: (client: RtmpClient) => void): Promise<void> {
  const before = await cuts(reason);
  act(client);
  await client.isClosed();
  expect(await cuts(reason)).toBe(before + 1);
}

describe('a client is cut that', () => {
  it.each<[string, string, (client: RtmpClient) => void]>([
    ['sends a bad AMF marker', 'malformed', (client) => client.message(20, Buffer.from([2, 0, 1, 0x61, 0x7f, 1, 2]))],
    ['nests AMF deeply', 'malformed', (client) => client.message(20, deepObject)],
    ['sends half a command', 'malformed', (client) => client.message(20, amf('publish', 3, 'key').subarray(0, 22))],
    ['announces a huge message', 'message-too-long', (client) => client.socket.write(hugeHead)],
    ['asks for a chunk size of 0', 'chunk-size', (client) => client.socket.write(setChunkSize(0))],
    ['asks for a chunk size beyond 31 bits', 'chunk-size', (client) => client.socket.write(setChunkSize(0xffffffff))],
    ['sends a chunk size without one', 'malformed', (client) => client.message(1, Buffer.alloc(2), { cid: 2 })],
    ['connects twice', 'malformed', (client) => client.command('connect', 1, { app: 'live' })],
    ['changes a message midway', 'malformed', (client) => client.socket.write(Buffer.concat([begun(3), changed]))],
    ['connects and never publishes', 'no-publish', () => {}],
    [
      'opens many chunk streams',
      'chunk-streams',
      (client) => {
        for (let cid = 4; cid < 60; cid++) client.message(8, Buffer.alloc(1), { cid });
      },
    ],
    [
      'begins many messages and ends none',
      'too-much-held',
      (client) => {
        for (let cid = 4; cid < 30; cid++) client.socket.write(begun(cid));
      },
    ],
  ])('%s', async (_, reason, act) => expectCut(await RtmpClient.connected(port), reason, act));

  it.each<[string, string, (client: RtmpClient) => void]>([
    ['does not speak RTMP', 'handshake', (client) => client.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['says nothing at all', 'handshake-slow', () => {}],
    ['stops within the handshake', 'handshake-slow', (client) => client.socket.write(Buffer.alloc(900, 3))],
  ])('%s', async (_, reason, act) => expectCut(await RtmpClient.open(port), reason, act));

  it('sends other commands before connect', async () => {
    const client = await RtmpClient.open(port);
    await client.handshake();
    await expectCut(client, 'malformed', () => client.publish('key-hall'));
  });

  it('publishes and falls silent', async () => {
    await expectCut(await RtmpClient.publishing(port, 'key-hall'), 'idle', () => {});
    await slotFree();
  });

  it('announces an unbelievable picture while publishing', async () => {
    const client = await RtmpClient.publishing(port, 'key-hall');
    await expectCut(client, 'message-too-long', () => client.socket.write(hugeHead));
    await slotFree();
  });

  it('has us answer and does not read', async () => {
    const client = await RtmpClient.publishing(port, 'key-hall');
    const before = await cuts('not-reading');
    client.socket.pause();
    const sound = messageBytes(8, Buffer.from([0xaf, 1, 0x21, 0x10]), { cid: 4, streamId: 1 });
    const asks = Array.from({ length: 500 }, () => messageBytes(20, amf('createStream', 2, null)));
    const flood = setInterval(() => client.socket.write(Buffer.concat([sound, ...asks])), 2);
    await until(() => client.socket.errored !== null || client.closed, 'the cut');
    clearInterval(flood);
    expect(await cuts('not-reading')).toBe(before + 1);
    await slotFree();
  });
});

describe('a client is told why that', () => {
  it('wants to play', async () => {
    const client = await RtmpClient.connected(port);
    client.message(20, amf('play', 4, null, 'witness'), { streamId: 1 });
    await client.hears('NetStream.Play.Failed');
    await client.isClosed();
  });

  it('asks for another application', async () => {
    const client = await RtmpClient.connected(port, 'vod');
    await client.hears('NetConnection.Connect.Rejected');
    await client.isClosed();
  });

  it('publishes without a name', async () => {
    const client = await RtmpClient.connected(port);
    client.message(20, amf('publish', 3, null), { streamId: 1 });
    await client.hears('NetStream.Publish.Unauthorized');
    await client.isClosed();
  });

  it('publishes twice on one connection', async () => {
    const client = await RtmpClient.publishing(port, 'key-hall');
    client.publish('key-other');
    await client.hears('NetStream.Publish.BadName');
    await client.isClosed();
    await slotFree();
  });

  it.each<[string, number, Buffer, string]>([
    ['VVC by four characters', 9, Buffer.from('\x90vvc1\x01\x02\x03', 'latin1'), 'video of type vvc1 is not supported'],
    ['AC-3 by four characters', 8, Buffer.from('\x90ac-3\x01\x02\x03', 'latin1'), 'send AAC, Opus or MP3'],
    ['Speex', 8, Buffer.from([0xb2, 1, 2, 3]), 'Speex is not supported: send AAC'],
    ['VP6', 9, Buffer.from([0x14, 1, 2, 3, 4, 5]), 'VP6 is not supported: send H.264'],
    ['a damaged H.264 configuration', 9, Buffer.from([0x17, 0, 0, 0, 0, 1, 2, 3]), 'configuration is damaged'],
    ['a damaged AAC configuration', 8, Buffer.from([0xaf, 0, 0xff]), 'AAC decoder configuration is damaged'],
  ])('sends %s', async (_, type, payload, words) => {
    const client = await RtmpClient.publishing(port, 'key-hall');
    client.message(type, payload, { cid: 6, streamId: 1 });
    await client.hears('NetStream.Publish.Rejected');
    await client.hears(words);
    await client.isClosed();
    await slotFree();
  });
});

describe('a client is served that', () => {
  it('names no tcUrl, or a senseless one', async () => {
    for (const properties of [{ app: 'live' }, { app: 'live', tcUrl: 'nonsense' }, { app: '/live/?a=b', tcUrl: 5 }]) {
      const client = await RtmpClient.open(port);
      await client.handshake();
      client.command('connect', 1, properties);
      await client.hears('NetConnection.Connect.Success');
      client.close();
    }
  });

  it('sends empty messages, unknown commands and media before publishing', async () => {
    const client = await RtmpClient.connected(port);
    for (const type of [0, 3, 8, 9, 15, 17, 18, 20, 22, 99]) client.message(type, Buffer.alloc(0), { cid: 5 });
    client.command('getStreamLength', 9, null, 'x');
    client.message(9, Buffer.alloc(50, 0x17), { cid: 6 });
    client.command('constructor', 9);
    client.publish('key-hall');
    await client.hears('NetStream.Publish.Start');
    client.message(9, Buffer.alloc(0), { cid: 6, streamId: 1 });
    client.message(18, Buffer.from([2, 0, 3, 1]), { cid: 6, streamId: 1 });
    client.command('FCUnpublish', 5, null, 'key-hall');
    await client.hears('NetStream.Unpublish.Success');
    client.publish('key-hall');
    await until(() => bench.publishing.live().some((live) => live.channel === 'hall'), 'the second publish');
    client.reset();
    await slotFree();
  });

  it('sends everything at once and waits for nothing', async () => {
    const client = await RtmpClient.connected(port);
    const config = Buffer.from([0xaf, 0, 0x11, 0x90]);
    const sound = (clock: number) =>
      messageBytes(8, Buffer.from([0xaf, 1, 0x21, 0x10, 5]), { clock, cid: 6, streamId: 1 });
    const feedsBefore = bench.sink.feeds.length;
    client.socket.write(
      Buffer.concat([
        messageBytes(20, amf('publish', 3, null, 'key-hall', 'live'), { streamId: 1 }),
        messageBytes(8, config, { cid: 6, streamId: 1 }),
        ...Array.from({ length: 100 }, (_, index) => sound(index * 21)),
      ]),
    );
    await until(() => bench.sink.feeds.length > feedsBefore, 'the feed');
    client.reset();
    await slotFree();
  });
});

it('random messages and bytes from a publisher find no fault of ours', async () => {
  const message = fc
    .tuple(fc.constantFrom(1, 2, 4, 5, 8, 9, 15, 17, 18, 20), fc.uint8Array({ maxLength: 80 }), fc.nat(2 ** 32 - 1))
    .map(([type, payload, clock]) =>
      messageBytes(type, Buffer.from(payload), { clock, cid: 3 + (type % 4), streamId: 1 }),
    );
  const media = fc
    .tuple(fc.boolean(), fc.constantFrom(0, 1, 2), fc.uint8Array({ maxLength: 60 }), fc.nat(2 ** 32 - 1))
    .map(([video, packet, data, clock]) => {
      const head = video ? [0x17, packet, 0, 0, 0] : [0xaf, packet];
      return messageBytes(video ? 9 : 8, Buffer.from([...head, ...data]), { clock, cid: 6, streamId: 1 });
    });
  const anything = fc.oneof(
    media,
    message,
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(anything, { minLength: 1, maxLength: 20 }), async (pieces) => {
      const client = await RtmpClient.publishing(port, 'key-hall');
      client.message(8, Buffer.from([0xaf, 0, 0x11, 0x90]), { cid: 4, streamId: 1 });
      client.socket.end(Buffer.concat(pieces));
      await client.isClosed();
      await slotFree();
    }),
    { numRuns: 60 },
  );
  expect(await cuts('internal')).toBe(0);
});

it('and the witness never noticed', async () => {
  witness.stop();
  await witness.done;
  const index = bench.sink.feeds.findIndex((feed) => feed.start.channel === 'witness');
  const { packets } = await probe(await bench.feedFile(index));
  const video = packets.filter((packet) => packet.codec_type === 'video').map((packet) => packet.pts);
  expect(video.length).toBeGreaterThan(150);
  expect(video).toEqual(video.map((_, position) => position * 40));
  expect(bench.sink.feeds.filter((feed) => feed.start.channel === 'witness').length).toBe(1);
});
