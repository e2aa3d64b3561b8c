import { beforeEach, expect, test } from 'vitest';
import { readRestreamUrl } from '../media/restream-address.js';
import type { SourceFacts, VideoFacts } from '../media/source-facts.js';
import { silentLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { restreamMetrics } from './restream-metrics.js';
import { type OfferedFeed, RestreamTarget } from './restream-target.js';
import { type FakeSender, fakeStarter, settled } from './sender.fixture.js';

const VIDEO: VideoFacts = {
  codec: 'h264',
  width: 320,
  height: 180,
  rotation: 0,
  sampleAspectRatio: 1,
  frameRate: 25,
  interlaced: false,
  hdr: false,
};
const FACTS: SourceFacts = { video: VIDEO, audio: { codec: 'aac', sampleRate: 48_000, channels: 2 } };
const offer = (header: string, facts = FACTS): OfferedFeed => ({
  facts,
  header: Buffer.from(header),
  headerForTs: Buffer.from(`${header}-ts`),
});

let now: number;
let starter: ReturnType<typeof fakeStarter>;
let metrics: Metrics;
let target: RestreamTarget;

function made(url = 'rtmp://h/live/the-key'): RestreamTarget {
  const reading = readRestreamUrl(url);
  if (!reading.ok) throw new Error(reading.problem);
  metrics = new Metrics();
  return new RestreamTarget({
    channel: 'news',
    name: 'tube',
    address: reading.address,
    start: starter.start,
    enhancedFlv: () => false,
    now: () => now,
    random: () => 1 - 1e-9,
    log: silentLog,
    metrics: restreamMetrics(metrics),
  });
}

beforeEach(() => {
  now = 1_000_000;
  starter = fakeStarter();
  metrics = new Metrics();
  target = made();
});

const key = (text = 'KEY') => target.take([Buffer.from(text)], true);
const frame = (text = 'frame') => target.take([Buffer.from(text)], false);
const last = (): FakeSender => {
  const sender = starter.senders.at(-1);
  if (sender === undefined) throw new Error('none was started');
  return sender;
};

/** Lets time go by in steps of a tick. */
function pass(ms: number): void {
  for (const end = now + ms; now < end; ) {
    now += 250;
    target.tick();
  }
}

async function fails(end: { stderr?: string; summary?: string } = {}): Promise<void> {
  last().end(end);
  await settled();
}

test('begins at a key, with the header before it, and sends once the target takes media', async () => {
  target.feed(offer('H1'));
  frame('lost');
  expect(starter.senders).toHaveLength(0);
  key();
  frame();
  await settled();
  expect(last().taken.toString()).toBe('H1KEYframe');
  expect(last().order).toMatchObject({ output: 'rtmp://h:1935', private: ['rtmp_app=live', 'rtmp_playpath=the-key'] });
  expect(target.status).toMatchObject({ state: 'connecting', since: 1_000_000, bitrate: null, error: null });
  now += 500;
  last().sending();
  last().sending();
  expect(target.status).toMatchObject({ state: 'sending', since: 1_000_500, url: 'rtmp://h:1935/live/***' });
  for (let n = 0; n < 16; n += 1) {
    frame('x'.repeat(25_000));
    await settled();
    pass(250);
  }
  expect(target.status.bitrate).toBeGreaterThan(700_000);
  expect(target.status.bitrate).toBeLessThan(900_000);
});

test('pauses longer and longer between tries, for ever, and anew after a minute of health', async () => {
  target.feed(offer('H1'));
  const pauses: number[] = [];
  for (let n = 0; n < 9; n += 1) {
    key();
    await fails({ stderr: '[error] Connection refused' });
    expect(target.status).toMatchObject({
      state: 'waiting',
      restarts: n + 1,
      error: expect.stringMatching(/nothing listens/),
    });
    const failedAt = now;
    while (target.status.state === 'waiting') pass(250);
    pauses.push(Math.round((now - failedAt) / 1000));
  }
  expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  key();
  last().sending();
  pass(60_000);
  await fails();
  pass(1_000);
  expect(target.status.state).toBe('connecting');
});

test('a feed of the same tracks goes on at its next key; one of others connects anew, once the old connection is gone', async () => {
  target.feed(offer('H1'));
  key('K1');
  last().sending();
  target.feed(offer('H1'));
  frame('lost');
  key('K2');
  await settled();
  expect(last().taken.toString()).toBe('H1K1K2');
  expect(target.status.droppedFrames).toBe(1);
  target.feed(offer('H2'));
  key('K3');
  expect(starter.senders).toHaveLength(1);
  await settled();
  key('K4');
  await settled();
  expect(starter.senders).toHaveLength(2);
  expect(last().taken.toString()).toBe('H2K4');
  expect(target.status).toMatchObject({ state: 'connecting', restarts: 0, error: null });
});

test('one that takes nothing for ten seconds is cut; one that has nothing to take is not', async () => {
  target.feed(offer('H1'));
  key();
  last().sending();
  await settled();
  pass(30_000);
  expect(last().killed).toBe(false);
  last().reads = false;
  frame();
  frame();
  pass(9_000);
  expect(last().killed).toBe(false);
  pass(1_500);
  expect(last().killed).toBe(true);
  await settled();
  expect(target.status).toMatchObject({ state: 'waiting', error: expect.stringMatching(/took nothing for 10 s/) });
});

test('one that never takes the stream is cut', async () => {
  target.feed(offer('H1'));
  key();
  for (let n = 0; n < 25 && !last().killed; n += 1) {
    frame();
    await settled();
    pass(1_000);
  }
  await settled();
  expect(target.status).toMatchObject({ state: 'waiting', error: expect.stringMatching(/did not take the stream/) });
});

test('what a slow one does not take is left out up to the next key, and counted', async () => {
  target.feed(offer('H1'));
  key();
  last().sending();
  await settled();
  last().reads = false;
  for (let n = 0; n < 10; n += 1) target.take([Buffer.alloc(1024 * 1024)], false);
  expect(target.status.droppedFrames).toBe(1);
  key('no room yet');
  last().readOn();
  await settled();
  for (let n = 0; n < 50; n += 1) await settled();
  frame('still not');
  key('LATER');
  await settled();
  expect(last().taken.subarray(-5).toString()).toBe('LATER');
  expect(target.status.droppedFrames).toBe(3);
  expect(await metrics.text()).toContain('headwater_restream_dropped_frames_total{channel="news",target="tube"} 3');
});

test('a picture that it cannot carry is said, until a feed comes that it can', async () => {
  target.feed(offer('H1', { ...FACTS, video: { ...VIDEO, codec: 'hevc' } }));
  key();
  expect(starter.senders).toHaveLength(0);
  expect(target.status).toMatchObject({ state: 'unsupported', error: expect.stringMatching(/ffmpeg 6\.1.*H\.264/) });
  target.feed(offer('H2'));
  key();
  expect(starter.senders).toHaveLength(1);
});

test('an SRT target gets the header for transport streams', async () => {
  target = made('srt://h:9000?streamid=x&latency=300');
  target.feed(offer('H1'));
  key();
  await settled();
  expect(last().taken.toString()).toBe('H1-tsKEY');
  expect(last().order.output).toBe(
    'srt://h:9000?mode=caller&transtype=live&connect_timeout=5000&linger=2&latency=300000',
  );
  expect(last().order.args.join(' ')).not.toContain('x&');
});

test('the end says goodbye, and cuts one that does not', async () => {
  target.feed(offer('H1'));
  key();
  await target.end();
  expect(last()).toMatchObject({ killed: false });
  expect(await metrics.text()).not.toContain('headwater_restream_sending{');
  target = made();
  target.feed(offer('H1'));
  key();
  last().reads = false;
  frame();
  const ended = target.end();
  pass(5_250);
  expect(last().killed).toBe(true);
  await ended;
  key();
  expect(starter.senders).toHaveLength(2);
});
