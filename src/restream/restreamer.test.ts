import { afterEach, beforeEach, expect, test } from 'vitest';
import type { SourceFacts } from '../media/source-facts.js';
import { silentLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import type { TargetSetting } from './channel-relay.js';
import { recordedFeed } from './feed.fixture.js';
import { Restreamer } from './restreamer.js';
import { fakeStarter } from './sender.fixture.js';

const FACTS: SourceFacts = { video: null, audio: { codec: 'aac', sampleRate: 48_000, channels: 1 } };
const feed = recordedFeed({ picture: null, seconds: 3 });
let starter: ReturnType<typeof fakeStarter>;
let targets: TargetSetting[];
let failing: boolean;
let ahead: number;
let restreamer: Restreamer;

beforeEach(() => {
  starter = fakeStarter();
  targets = [{ name: 'a', url: 'rtmp://h/live/key-a' }];
  failing = false;
  ahead = 0;
  restreamer = new Restreamer({
    start: starter.start,
    targets: async () => {
      if (failing) throw new Error('the catalog is busy');
      return targets;
    },
    enhancedFlv: () => false,
    now: () => Date.now() + ahead,
    log: silentLog,
    metrics: new Metrics(),
  });
});
afterEach(() => restreamer.close(100));

const start = { channel: 'news', broadcastId: 'b_1', facts: FACTS };
const names = () => restreamer.statuses('news').map(({ name }) => name);
const holds = (what: () => boolean) => expect.poll(what, { timeout: 60_000, interval: 20 }).toBe(true);

test('a live channel is sent to its targets, and these follow what its owner says', async () => {
  const copy = restreamer.open(start);
  await holds(() => names().length === 1);
  copy.push(feed);
  expect(starter.senders.map(({ order }) => order.private[1])).toEqual(['rtmp_playpath=key-a']);
  targets = [
    { name: 'b', url: 'srt://h:9000' },
    { name: 'broken', url: 'of another build' },
  ];
  restreamer.refresh('news');
  restreamer.refresh('other');
  await holds(() => names().join() === 'b');
  await holds(() => starter.senders[0]?.input.writableFinished === true);
  copy.push(feed.subarray(feed.indexOf(Buffer.from([0x1f, 0x43, 0xb6, 0x75]))));
  expect(starter.senders).toHaveLength(2);
  restreamer.endBroadcast('b_1');
  expect(names()).toEqual([]);
  await holds(() => starter.senders[1]?.input.writableFinished === true);
});

test('a target whose address changes is left and connected anew', async () => {
  const copy = restreamer.open(start);
  await holds(() => names().length === 1);
  copy.push(feed);
  targets = [{ name: 'a', url: 'rtmp://h/live/another' }];
  restreamer.refresh('news');
  await holds(() => starter.senders[0]?.input.writableFinished === true);
  copy.push(feed.subarray(feed.indexOf(Buffer.from([0x1f, 0x43, 0xb6, 0x75]))));
  expect(starter.senders[1]?.order.private).toContain('rtmp_playpath=another');
});

test('targets that cannot be read are read again', async () => {
  failing = true;
  restreamer.open(start);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(names()).toEqual([]);
  failing = false;
  ahead = 6_000;
  await holds(() => names().length === 1);
});

test('what comes late from a feed that was replaced is left out', async () => {
  const old = restreamer.open(start);
  await holds(() => names().length === 1);
  restreamer.open(start);
  old.push(feed);
  expect(starter.senders).toHaveLength(0);
});

test('closing cuts what does not say goodbye', async () => {
  const copy = restreamer.open(start);
  await holds(() => names().length === 1);
  copy.push(feed.subarray(0, -1));
  const [sender] = starter.senders;
  if (sender === undefined) throw new Error('none was started');
  sender.reads = false;
  copy.push(feed.subarray(feed.indexOf(Buffer.from([0x1f, 0x43, 0xb6, 0x75]))));
  await restreamer.close(100);
  expect(sender.killed).toBe(true);
});
