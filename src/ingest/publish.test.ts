import { Writable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import type { PublisherSession } from './broadcast.js';
import { decode, probe } from './ffmpeg.fixture.js';
import { type BenchOptions, PublishingBench, until } from './publishing.fixture.js';
import { play, record, shifted } from './recorded-source.fixture.js';

const recorded = await record();
const pictures = recorded.filter((message) => message.kind === 'video');
const benches: PublishingBench[] = [];

async function open(options: BenchOptions = {}): Promise<PublishingBench> {
  const bench = await PublishingBench.open(options);
  benches.push(bench);
  return bench;
}

afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.close();
});

async function admit(bench: PublishingBench, onStop: (reason: string) => void = () => {}): Promise<PublisherSession> {
  const admission = await bench.publishing.admit({
    streamKey: 'key-hall',
    channel: null,
    backup: false,
    protocol: 'rtmp',
    remoteAddress: '192.0.2.1',
    onStop,
  });
  if (!admission.ok) throw new Error(admission.message);
  return admission.session;
}

async function times(bench: PublishingBench, feed: number): Promise<{ video: number[]; audio: number[] }> {
  const { packets } = await probe(await bench.feedFile(feed));
  const of = (kind: string) => packets.filter((packet) => packet.codec_type === kind).map((packet) => packet.pts);
  return { video: of('video'), audio: of('audio') };
}

function largestStep(values: readonly number[]): number {
  return Math.max(...values.slice(1).map((value, index) => value - (values[index] ?? 0)));
}

function smallestStep(values: readonly number[]): number {
  return Math.min(...values.slice(1).map((value, index) => value - (values[index] ?? 0)));
}

describe('source clocks', () => {
  const half = Math.floor(recorded.length / 2);
  const broken = (after: (clock: number) => number, before = (clock: number) => clock) => [
    ...shifted(recorded.slice(0, half), before),
    ...shifted(recorded.slice(half), after),
  ];
  it.each([
    ['jumps 20 s ahead', broken((clock) => clock + 20_000)],
    [
      'falls back 4 s',
      broken(
        (clock) => clock - 4000,
        (clock) => clock + 6000,
      ),
    ],
    [
      'falls back half a second',
      broken(
        (clock) => clock - 500,
        (clock) => clock + 6000,
      ),
    ],
    ['begins anywhere', shifted(recorded, (clock) => clock + 123_456_789)],
    ['comes round after 2^32 ms', shifted(recorded, (clock) => clock + 2 ** 32 - 1000)],
  ])('a clock that %s leaves one even timeline', async (_, messages) => {
    const bench = await open();
    const session = await admit(bench);
    await play(session, messages);
    session.end();
    const { video, audio } = await times(bench, 0);
    expect(video.length).toBe(50);
    expect(video[0]).toBe(0);
    expect(largestStep(video)).toBeLessThan(90);
    expect(largestStep(audio)).toBeLessThan(90);
    expect(smallestStep(video)).toBeGreaterThan(0);
    expect(Math.abs((video.at(-1) ?? 0) - 1960)).toBeLessThan(90);
    expect(bench.sink.feeds.length).toBe(1);
  });

  it('two tracks that jump together stay in step', async () => {
    const bench = await open();
    const session = await admit(bench);
    await play(
      session,
      broken((clock) => clock + 20_000),
    );
    session.end();
    const before = recorded.filter((message) => message.kind === 'audio').map((message) => message.clock);
    const { video, audio } = await times(bench, 0);
    const lead = (before.at(-1) ?? 0) - (pictures.at(-1)?.clock ?? 0);
    expect((audio.at(-1) ?? 0) - (video.at(-1) ?? 0)).toBe(lead);
  });
});

describe('tracks', () => {
  it('a source of one track starts without waiting for another for long', async () => {
    const bench = await open();
    const session = await admit(bench);
    await play(session, pictures);
    expect(bench.sink.feeds.length).toBe(1);
    session.end();
    expect((await times(bench, 0)).video.length).toBe(50);
  });

  it('metadata that promises one track spares the wait', async () => {
    const bench = await open();
    const session = await admit(bench);
    session.metadata({ tracks: ['video'], frameRate: 25 });
    await play(session, pictures.slice(0, 3));
    expect(bench.sink.feeds.length).toBe(1);
  });

  it('a track that comes late begins a new feed at the next keyframe, in the same broadcast', async () => {
    const bench = await open();
    const session = await admit(bench);
    await play(session, pictures);
    await play(
      session,
      shifted(recorded, (clock) => clock + 2000),
    );
    await play(
      session,
      shifted(recorded, (clock) => clock + 4000),
    );
    session.end();
    expect(bench.sink.feeds.map((feed) => feed.start.facts.audio !== null)).toEqual([false, true]);
    expect(new Set(bench.sink.feeds.map((feed) => feed.start.broadcastId)).size).toBe(1);
    expect(bench.sink.ended.length).toBe(1);
    const second = await times(bench, 1);
    expect(second.video[0]).toBe(bench.sink.feeds[1]?.start.startMs);
    expect(second.audio.length).toBeGreaterThan(80);
  });

  it('a picture of another size begins a new feed', async () => {
    const bench = await open();
    const session = await admit(bench);
    await play(session, recorded);
    await play(
      session,
      shifted(await record({ size: '640x360' }), (clock) => clock + 2000),
    );
    session.end();
    expect(bench.sink.feeds.map((feed) => feed.start.facts.video?.width)).toEqual([320, 640]);
    expect(await decode(await bench.feedFile(0))).toEqual({ frames: 50, errors: '' });
    expect(await decode(await bench.feedFile(1))).toEqual({ frames: 50, errors: '' });
  });

  it('new parameter sets for the same size go into the feed that is open', async () => {
    const bench = await open();
    const session = await admit(bench);
    const other = await record({ extra: ['-preset', 'fast', '-refs', '4', '-x264-params', 'cabac=1:8x8dct=1'] });
    await play(session, recorded);
    await play(
      session,
      shifted(other, (clock) => clock + 2000),
    );
    session.end();
    expect(bench.sink.feeds.length).toBe(1);
    expect(await decode(await bench.feedFile(0))).toEqual({ frames: 100, errors: '' });
  });

  it('an unusable config is refused with a sentence', async () => {
    const session = await admit(await open());
    expect(session.config({ track: 'video', codec: 'hevc', data: Buffer.alloc(30) })).toMatchObject({ ok: false });
    expect(session.config({ track: 'video', codec: 'h264', data: Buffer.from([1, 2, 3]) })).toMatchObject({
      ok: false,
      message: 'the H.264 decoder configuration is damaged: restart the encoder',
    });
  });
});

describe('the receiver', () => {
  it('that dies gets a new feed at the next keyframe, on the same timeline', async () => {
    const bench = await open();
    const session = await admit(bench);
    await play(session, recorded.slice(0, 40));
    bench.sink.feeds[0]?.writable.destroy();
    await play(session, recorded.slice(40));
    await play(
      session,
      shifted(recorded, (clock) => clock + 2000),
    );
    session.end();
    expect(bench.sink.feeds.length).toBe(2);
    const start = bench.sink.feeds[1]?.start;
    expect(start?.startMs).toBe(1000);
    expect(start?.startedAt).toBe(bench.sink.feeds[0]?.start.startedAt);
    const { video } = await times(bench, 1);
    expect(video[0]).toBe(1000);
    expect(video.length).toBe(75);
    expect(bench.events.map((event) => event.kind)).toEqual(['started', 'ended']);
  });

  it('that is slow makes the publisher wait', async () => {
    const waiting: (() => void)[] = [];
    const slow = new Writable({
      highWaterMark: 1024,
      write: (_bytes, _encoding, done) => {
        waiting.push(done);
      },
    });
    const bench = await open({ sink: { open: () => slow, endBroadcast: () => {} } });
    const session = await admit(bench);
    let played = false;
    const playing = play(session, recorded).then(() => {
      played = true;
    });
    await until(() => waiting.length > 0, 'the first write');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(played).toBe(false);
    expect(slow.writableLength).toBeLessThan(200_000);
    const pump = setInterval(() => {
      for (const done of waiting.splice(0)) done();
    }, 1);
    await playing;
    clearInterval(pump);
  });

  it('that hangs is given up after a while, and asked again later', async () => {
    const opened: Writable[] = [];
    const open_ = () => {
      const stuck = new Writable({ highWaterMark: 1024, write: () => {} });
      opened.push(stuck);
      return stuck;
    };
    const bench = await open({ sink: { open: open_, endBroadcast: () => {} }, limits: { stallMs: 50 } });
    const session = await admit(bench);
    await play(session, recorded);
    expect(opened.length).toBe(2);
    expect(opened[0]?.errored).toMatchObject({ code: 'ingest.feed-stalled' });
  });

  it('that hangs before a publisher that does not wait costs a bounded amount', async () => {
    const stuck = new Writable({ highWaterMark: 1024, write: () => {} });
    const limits = { bufferBytesMax: 50_000 };
    const bench = await open({ sink: { open: () => stuck, endBroadcast: () => {} }, limits });
    const session = await admit(bench);
    void play({ ...bind(session), frame: (frame) => session.frame(frame) || true }, recorded);
    expect(stuck.destroyed).toBe(true);
  });
});

function bind(session: PublisherSession): PublisherSession {
  return {
    channel: session.channel,
    broadcastId: session.broadcastId,
    config: (config) => session.config(config),
    metadata: (metadata) => session.metadata(metadata),
    cue: (cue) => session.cue(cue),
    frame: (frame) => session.frame(frame),
    drained: () => session.drained(),
    end: () => session.end(),
  };
}

describe('slots', () => {
  const request = {
    streamKey: 'key-hall',
    channel: null,
    backup: false,
    protocol: 'rtmp',
    remoteAddress: '192.0.2.1',
    onStop: () => {},
  } as const;

  it('go to one of two that ask at once, and are free after the end', async () => {
    const bench = await open();
    const [first, second] = await Promise.all([bench.publishing.admit(request), bench.publishing.admit(request)]);
    expect([first.ok, second.ok]).toEqual([true, false]);
    expect(second).toMatchObject({ reason: 'busy' });
    expect(bench.publishing.live()).toMatchObject([{ channel: 'hall', protocol: 'rtmp', bytes: 0 }]);
    if (first.ok) first.session.end();
    expect(bench.publishing.live()).toEqual([]);
    const third = await bench.publishing.admit(request);
    expect(third.ok).toBe(true);
    if (first.ok && third.ok) {
      expect(third.session.broadcastId).not.toBe(first.session.broadcastId);
      first.session.end();
      expect(bench.publishing.live().length).toBe(1);
    }
  });

  it('a broadcast without media is not announced', async () => {
    const bench = await open();
    (await admit(bench)).end();
    expect([bench.events, bench.sink.ended]).toEqual([[], []]);
  });

  it('can be taken back by the operator', async () => {
    const bench = await open();
    const reasons: string[] = [];
    const session = await admit(bench, (reason) => reasons.push(reason));
    await play(session, recorded);
    expect(bench.publishing.stopChannel('hall', 'the key was rotated')).toBe(true);
    expect(reasons).toEqual(['the key was rotated']);
    expect(bench.publishing.live()).toEqual([]);
    expect(
      session.frame({
        track: 'audio',
        codec: 'aac',
        dts: 0,
        pts: 0,
        timescale: 1000,
        key: true,
        data: Buffer.alloc(9),
      }),
    ).toBe(true);
    expect(bench.events.map((event) => event.kind)).toEqual(['started', 'ended']);
    expect(bench.publishing.stopChannel('hall', 'again')).toBe(false);
  });

  it('are not given while the keys cannot be checked, or the box closes', async () => {
    const failing = await open({ authorize: { channelForKey: () => Promise.reject(new Error('no catalog')) } });
    expect(await failing.publishing.admit(request)).toMatchObject({ ok: false, reason: 'unavailable' });
    const never = await open({
      authorize: { channelForKey: () => new Promise(() => {}) },
      limits: { authorizationMs: 20 },
    });
    expect(await never.publishing.admit(request)).toMatchObject({ ok: false, reason: 'unavailable' });
    const closing = await open();
    await closing.publishing.close();
    expect(await closing.publishing.admit(request)).toMatchObject({ ok: false, reason: 'closing' });
  });
});
