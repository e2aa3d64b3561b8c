import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../telemetry/log.js';
import { Metrics } from '../../telemetry/metrics.js';
import { AAC, decode, probe, publish, startPublishing, TEST_PICTURE, TEST_TONE, X264 } from '../ffmpeg.fixture.js';
import { PublishingBench, until } from '../publishing.fixture.js';
import { messageBytes, RtmpClient } from './rtmp-client.fixture.js';
import { openRtmpServer, type RtmpServer } from './server.js';

/** A real ffmpeg publishes to a real port; ffprobe reads what came out. */
let bench: PublishingBench;
let server: RtmpServer;

beforeEach(async () => {
  bench = await PublishingBench.open();
  server = await openRtmpServer({
    host: '127.0.0.1',
    port: 0,
    publishing: bench.publishing,
    log: silentLog,
    metrics: bench.metrics,
  });
});

afterEach(async () => {
  await bench.publishing.close();
  await server.close(1000);
  await bench.close();
});

const address = (key: string) => `rtmp://127.0.0.1:${server.address.port}/live/${key}`;

function times(packets: { codec_type: string; pts: number }[], kind: string): number[] {
  return packets.filter((packet) => packet.codec_type === kind).map((packet) => packet.pts);
}

function rises(values: readonly number[]): boolean {
  return values.every((value, index) => index === 0 || value > (values[index - 1] ?? 0));
}

describe('a publisher', () => {
  it('becomes one feed of H.264 and AAC with every frame, and its broadcast is announced', async () => {
    const left = await publish(address('key-hall'), TEST_PICTURE, TEST_TONE, ['-t', '3'], X264, ['-bf', '0'], AAC);
    expect(left.code).toBe(0);
    await until(() => bench.sink.ended.length === 1, 'the end of the broadcast');
    const { streams, packets } = await probe(await bench.feedFile(0));
    expect(streams.map((stream) => stream.codec_name)).toEqual(['h264', 'aac']);
    expect(streams[0]).toMatchObject({ width: 320, height: 180, avg_frame_rate: '25/1' });
    const video = times(packets, 'video');
    const audio = times(packets, 'audio');
    expect(video.length).toBe(75);
    expect(video[0]).toBe(0);
    expect(rises(video) && rises(audio)).toBe(true);
    expect(Math.abs((audio.at(-1) ?? 0) - (video.at(-1) ?? 0))).toBeLessThan(100);
    expect(await decode(await bench.feedFile(0))).toEqual({ frames: 75, errors: '' });
    const [feed] = bench.sink.feeds;
    expect(feed?.start).toMatchObject({
      channel: 'hall',
      startMs: 0,
      facts: { video: { width: 320, height: 180, frameRate: 25 }, audio: { sampleRate: 48_000, channels: 2 } },
    });
    expect(bench.events.map((event) => event.kind)).toEqual(['started', 'ended']);
    expect(feed?.start.broadcastId).toMatch(/^b_[a-z0-9]{16}$/);
  });

  it('may send B-frames', async () => {
    await publish(
      address('key-hall'),
      TEST_PICTURE,
      TEST_TONE,
      ['-t', '2'],
      X264,
      ['-bf', '2', '-b_strategy', '0'],
      AAC,
    );
    await until(() => bench.sink.ended.length === 1, 'the end of the broadcast');
    const { packets } = await probe(await bench.feedFile(0));
    const video = times(packets, 'video');
    expect(video.length).toBe(50);
    expect(rises(video)).toBe(false);
    const decodeTimes = packets.flatMap((p) => (p.codec_type === 'video' && p.dts !== null ? [p.dts] : []));
    expect(rises(decodeTimes)).toBe(true);
    expect(await decode(await bench.feedFile(0))).toEqual({ frames: 50, errors: '' });
  });

  it('may send video alone', async () => {
    await publish(address('key-hall'), TEST_PICTURE, ['-t', '2'], X264);
    await until(() => bench.sink.ended.length === 1, 'the end of the broadcast');
    expect(bench.sink.feeds.length).toBe(1);
    const { streams, packets } = await probe(await bench.feedFile(0));
    expect(streams.map((stream) => stream.codec_name)).toEqual(['h264']);
    expect(packets.length).toBe(50);
    expect(bench.sink.feeds[0]?.start.facts.audio).toBeNull();
  });

  it('may send audio alone', async () => {
    await publish(address('key-hall'), TEST_TONE, ['-t', '2'], AAC);
    await until(() => bench.sink.ended.length === 1, 'the end of the broadcast');
    expect(bench.sink.feeds.length).toBe(1);
    const { streams, packets } = await probe(await bench.feedFile(0));
    expect(streams.map((stream) => stream.codec_name)).toEqual(['aac']);
    expect(times(packets, 'audio').length).toBeGreaterThan(85);
    expect(bench.sink.feeds[0]?.start.facts.video).toBeNull();
  });

  it('is refused with a wrong key, and takes no slot', async () => {
    const left = await publish(address('wrong'), TEST_PICTURE, ['-t', '5'], X264);
    expect(left.code).not.toBe(0);
    expect(left.stderr).toContain('the stream key is not valid');
    expect(bench.publishing.live()).toEqual([]);
    expect(bench.sink.feeds).toEqual([]);
  });

  it('is refused while the channel has another, which streams on', async () => {
    const first = publish(address('key-hall'), TEST_PICTURE, ['-t', '4'], X264);
    await until(() => bench.sink.feeds.length === 1, 'the first publisher');
    const second = await publish(address('key-hall'), TEST_PICTURE, ['-t', '4'], X264);
    expect(second.code).not.toBe(0);
    expect(second.stderr).toContain('already publishing');
    expect((await first).code).toBe(0);
    await until(() => bench.sink.ended.length === 1, 'the end of the broadcast');
    expect((await probe(await bench.feedFile(0))).packets.length).toBe(100);
  });

  it('that is killed ends its broadcast, and its key may publish again', async () => {
    const publisher = startPublishing(address('key-hall'), TEST_PICTURE, X264);
    await until(() => bench.sink.feeds.length === 1, 'the first feed');
    publisher.kill();
    await publisher.done;
    await until(() => bench.sink.ended.length === 1, 'the end of the broadcast');
    const client = await RtmpClient.publishing(server.address.port, 'key-hall');
    client.message(8, Buffer.from([0xaf, 0, 0x11, 0x90]), { cid: 4, streamId: 1 });
    for (let clock = 0; clock < 1100; clock += 21) {
      client.message(8, Buffer.from([0xaf, 1, 0x21, 0x10]), { clock, cid: 4, streamId: 1 });
    }
    await until(() => bench.sink.feeds.length === 2, 'the second feed');
    client.reset();
    await until(() => bench.sink.ended.length === 2, 'the end of the second');
    expect(new Set(bench.sink.ended).size).toBe(2);
    expect(bench.publishing.live()).toEqual([]);
  });
});

describe('a feed that nobody reads', () => {
  it('holds the publisher back over the socket', async () => {
    const stuck = new Writable({ highWaterMark: 65_536, write: () => {} });
    const metrics = new Metrics();
    const slow = await PublishingBench.open({ sink: { open: () => stuck, endBroadcast: () => {} }, metrics });
    const { publishing } = slow;
    const door = await openRtmpServer({ host: '127.0.0.1', port: 0, publishing, log: silentLog, metrics });
    const client = await RtmpClient.publishing(door.address.port, 'key-hall');
    client.message(8, Buffer.from([0xaf, 0, 0x11, 0x90]), { cid: 4, streamId: 1 });
    const sound = Buffer.alloc(60_000, 0xaf);
    let sent = 0;
    for (let index = 0; index < 1000 && client.socket.writableLength < 8_000_000; index++) {
      sent += sound.length;
      client.socket.write(messageBytes(8, sound, { clock: index * 21, cid: 4, streamId: 1 }));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(client.socket.writableLength).toBeGreaterThan(7_000_000);
    expect(publishing.live()[0]?.bytes).toBeLessThan(sent);
    expect(stuck.writableLength).toBeLessThan(8_000_000);
    client.close();
    await publishing.close();
    await door.close(1000);
    await slow.close();
  });
});

describe('the server', () => {
  it('says which address is in use', async () => {
    const again = openRtmpServer({
      host: '127.0.0.1',
      port: server.address.port,
      publishing: bench.publishing,
      log: silentLog,
      metrics: new Metrics(),
    });
    await expect(again).rejects.toMatchObject({ code: 'ingest.address-in-use' });
  });

  it('tells publishers when it closes', async () => {
    const client = await RtmpClient.publishing(server.address.port, 'key-hall');
    const closed = server.close(5000);
    await client.hears('NetStream.Publish.Denied');
    await closed;
    expect(bench.publishing.live()).toEqual([]);
  });
});
