import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { SourceFacts } from '../media/source-facts.js';
import { silentLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import type { FfmpegRun } from './ffmpeg-process.js';
import { GpuFleet } from './gpu-fleet.js';
import { KeepingSink, type Probed, probe, publish, smallFacts, smallVideo } from './live.fixture.js';
import { LiveTranscoder, type LiveTranscoderOptions } from './live.js';
import { MACHINES } from './machines.fixture.js';

const BROADCAST = 'b_0123456789abcdef';
/** Two rungs: 480 and 360 lines; small enough for a busy box. */
const facts: SourceFacts = { ...smallFacts, video: { ...smallVideo, width: 640, height: 480 } };
const size = '640x480';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

function box(options: Partial<LiveTranscoderOptions> = {}) {
  const sink = new KeepingSink();
  const metrics = new Metrics();
  const live = new LiveTranscoder({ fragments: sink, log: silentLog, metrics, pixelsPerSecond: () => 1e9, ...options });
  cleanUp.push(() => live.drain(0));
  const open = (startMs = 0, more: { broadcastId?: string; facts?: SourceFacts } = {}) =>
    live.open({ channel: 'town-hall', broadcastId: BROADCAST, facts, startMs, startedAt: 1_700_000_000_000, ...more });
  return { sink, live, open, metrics };
}

function push(feed: Writable, options: Parameters<typeof publish>[0]): FfmpegRun {
  const publisher = publish({ size, ...options });
  cleanUp.push(() => publisher.kill());
  publisher.outputs[0]?.pipe(feed);
  return publisher;
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 2_400 && !condition(); tries += 1) await sleep(25);
  expect(condition()).toBe(true);
}

/** What was kept of one run, probed. */
async function renditions(sink: KeepingSink, run: number): Promise<Record<string, Probed>> {
  const kept = [...(sink.runs[run]?.bytes ?? [])];
  return Object.fromEntries(
    await Promise.all(kept.map(async ([id, chunks]) => [id, await probe(Buffer.concat(chunks))] as const)),
  );
}

/** Whether by an error (EPIPE, with bytes still on their way) or without. */
const closed = (feed: Writable) => new Promise<void>((resolve) => feed.once('close', resolve));

const keys = (rendition: Probed | undefined) => rendition?.packets.filter(({ key }) => key).map(({ time }) => time);

/** Ffmpeg's pid of the one broadcast that is live. */
const pidOf = (live: LiveTranscoder) => Number(live.live()[0]?.pid);

describe('a broadcast', () => {
  it('comes out as aligned, decodable renditions, and is told in order', async () => {
    const { sink, live, open, metrics } = box();
    const feed = open();
    push(feed, { seconds: 5, realTime: true });
    await until(() => (live.live()[0]?.speed ?? 0) > 0);
    expect(live.live()).toEqual([
      {
        ...{
          channel: 'town-hall',
          broadcastId: BROADCAST,
          renditions: ['v480', 'v360', 'audio'],
          by: 'cpu',
          restarts: 0,
          waitMs: 0,
        },
        ...{ speed: expect.any(Number), fps: expect.any(Number), pid: expect.any(Number) },
      },
    ]);
    expect(await metrics.text()).toMatch(/headwater_live_speed\{channel="town-hall"\}/);
    await once(feed, 'finish');
    live.endBroadcast(BROADCAST);
    await until(() => sink.events.includes(`over ${BROADCAST}`));
    expect(sink.events).toEqual([`open ${BROADCAST}`, `end ${BROADCAST}`, `over ${BROADCAST}`]);
    expect(sink.runs[0]?.start).toMatchObject({
      ...{
        channel: 'town-hall',
        broadcastId: BROADCAST,
        startedAt: 1_700_000_000_000,
        timelineOffsetSec: 10,
        segmentSec: 2,
        partSec: 0.2,
      },
      renditions: [{ id: 'v480' }, { id: 'v360' }, { id: 'audio' }],
    });
    for (const [id, chunks] of sink.runs[0]?.bytes ?? []) {
      expect([id, chunks[0]?.toString('latin1', 4, 8)]).toEqual([id, 'ftyp']);
    }
    const { v480, v360, audio } = await renditions(sink, 0);
    expect(v480).toMatchObject({ codec: 'h264', width: 640, height: 480 });
    expect(v360).toMatchObject({ codec: 'h264', width: 480, height: 360 });
    expect(keys(v480)?.slice(1)).toEqual([12, 14]);
    expect(keys(v360)).toEqual(keys(v480));
    expect(v480?.frames).toBe(v480?.packets.length);
    expect(v480?.frames).toBeGreaterThanOrEqual(124);
    expect(audio?.frames).toBeGreaterThan(220);
    expect(live.live()).toEqual([]);
    expect(await metrics.text()).not.toMatch(/headwater_live_speed\{/);
  });

  it('may be sound alone, or a picture alone', async () => {
    const { sink, live, open } = box();
    const sound = open(0, { broadcastId: 'b_sound0000000000', facts: { ...facts, video: null } });
    const picture = open(0, { broadcastId: 'b_picture00000000', facts: { ...facts, audio: null } });
    const ended = Promise.all([closed(sound), closed(picture)]);
    push(sound, { seconds: 2, tracks: 'audio' });
    push(picture, { seconds: 2, tracks: 'video' });
    await ended;
    await until(() => sink.runs.length === 2 && sink.runs.every((run) => run.ended));
    const ids = new Map(sink.runs.map((run) => [run.start.broadcastId, [...run.bytes.keys()]]));
    expect(ids.get('b_sound0000000000')).toEqual(['audio']);
    expect(ids.get('b_picture00000000')).toEqual(['v480', 'v360']);
    expect(live.live()).toHaveLength(2);
  });

  it('shares the measured speed with the others', () => {
    const { live, open } = box({ pixelsPerSecond: () => 26e6 });
    open(0, { broadcastId: 'b_first0000000000' });
    open(0, { broadcastId: 'b_second000000000' });
    expect(live.live().map((status) => status.renditions)).toEqual([
      ['v480', 'v360', 'audio'],
      ['v360', 'audio'],
    ]);
  });
});

describe('when ffmpeg dies', () => {
  it('another goes on from where its segments end, in the same grid, and the feed never hears of it', async () => {
    const { sink, live, open } = box();
    sink.resumeMs = 2_000;
    const feed = open();
    push(feed, { seconds: 8, realTime: true });
    await until(() => (live.live()[0]?.fps ?? 0) > 0 && sink.size(0) > 60_000);
    process.kill(pidOf(live), 'SIGKILL');
    await until(() => live.live()[0]?.restarts === 1);
    await closed(feed);
    expect(feed.errored).toBeNull();
    live.endBroadcast(BROADCAST);
    await until(() => sink.events.at(-1) === `over ${BROADCAST}`);
    expect(sink.events).toEqual(['open', 'abandon', 'open', 'end', 'over'].map((event) => `${event} ${BROADCAST}`));
    const { v480, v360 } = await renditions(sink, 1);
    expect(keys(v480)?.slice(0, 3)).toEqual([12, 14, 16]);
    expect(keys(v360)).toEqual(keys(v480));
    expect(v480?.frames).toBeGreaterThanOrEqual(150);
  });

  it('a later feed goes on in the same ladder, though its source is smaller', async () => {
    const { sink, live, open } = box();
    const first = open();
    push(first, { seconds: 1 });
    await closed(first);
    const second = open(5_345, { facts: smallFacts });
    push(second, { startSec: 5.345, seconds: 3, size: '320x180' });
    await closed(second);
    live.endBroadcast(BROADCAST);
    await until(() => sink.events.at(-1) === `over ${BROADCAST}`);
    expect(sink.events).toEqual(['open', 'end', 'open', 'end', 'over'].map((event) => `${event} ${BROADCAST}`));
    const { v480, v360 } = await renditions(sink, 1);
    expect(v480).toMatchObject({ width: 640, height: 480 });
    expect(keys(v480)).toEqual([15.36, 16, 18]);
    expect(keys(v360)).toEqual(keys(v480));
  });

  it('takes one that hangs for dead', async () => {
    const { sink, live, open, metrics } = box();
    push(open(), { seconds: 30, realTime: true });
    await until(() => sink.size(0) > 20_000);
    process.kill(pidOf(live), 'SIGSTOP');
    const stopped = performance.now();
    await until(() => live.live()[0]?.restarts === 1);
    expect(performance.now() - stopped).toBeLessThan(9_000);
    expect(await metrics.text()).toMatch(/headwater_live_ffmpeg_failures_total\{cause="stalled"\} 1/);
    await until(() => sink.size(1) > 20_000);
  });

  it('leaves a pausing publisher alone', async () => {
    const { sink, live, open } = box({ stallMs: 800 });
    const publisher = push(open(), { seconds: 30, realTime: true });
    await until(() => sink.size(0) > 20_000);
    process.kill(Number(publisher.pid), 'SIGSTOP');
    await sleep(2_500);
    expect(live.live()[0]).toMatchObject({ restarts: 0, pid: expect.any(Number) });
  });

  it('backs off, and gives up for a while after too many failures', async () => {
    const { sink, live, open } = box({ binary: 'false' });
    const feed = open();
    const waits: number[] = [];
    const watch = setInterval(() => waits.push(live.live()[0]?.waitMs ?? 0), 20);
    push(feed, { seconds: 120, realTime: true });
    await closed(feed);
    clearInterval(watch);
    expect(live.live()[0]?.restarts).toBe(5);
    expect(waits.some((waitMs) => waitMs > 1_000)).toBe(true);
    const refused = open();
    expect(refused.destroyed).toBe(true);
    const [error] = (await once(refused, 'error')) as [Error];
    expect(error).toMatchObject({ code: 'transcode.live-refused', message: expect.stringMatching(/5 times in a row/) });
    expect(sink.runs).toEqual([]);
  });
});

describe('when a GPU fails', () => {
  it('the CPU takes the feed at once, and nothing of it is lost', async () => {
    const gpus = new GpuFleet({ log: silentLog, probe: async () => false });
    gpus.learn(MACHINES.rtx);
    const { sink, live, open } = box({ gpus });
    const feed = open();
    push(feed, { seconds: 3, realTime: true });
    // No driver is here: both tries that the card gets end in no time.
    await until(() => live.live()[0]?.by === 'cpu');
    expect(gpus.status()).toMatchObject([{ quarantined: true, active: 0 }]);
    await closed(feed);
    live.endBroadcast(BROADCAST);
    await until(() => sink.events.at(-1) === `over ${BROADCAST}`);
    expect(sink.runs).toHaveLength(1);
    const { v480 } = await renditions(sink, 0);
    expect(v480?.frames).toBeGreaterThanOrEqual(74);
  });
});

describe('when the sink', () => {
  it('fails, the run is ended and another one started', async () => {
    const { sink, live, open } = box();
    push(open(), { seconds: 30, realTime: true });
    await until(() => sink.size(0) > 20_000);
    sink.runs[0]?.sinks.get('v360')?.destroy(new Error('not a moof'));
    await until(() => sink.runs[0]?.ended === true && sink.size(1) > 20_000);
    expect(live.live()[0]?.restarts).toBe(1);
  });

  it('takes nothing, the feed is held back, and in the end the run is given up', async () => {
    const { sink, live, open } = box({ stallMs: 1_500 });
    sink.onRendition = (writable) => {
      writable._write = () => {};
    };
    push(open(), { seconds: 120, realTime: true });
    await until(() => live.live()[0]?.restarts === 1);
    expect(sink.runs[0]?.ended).toBe(true);
  });
});

describe('the end', () => {
  it('of a broadcast that never had a feed is passed on', async () => {
    const { sink, live } = box();
    live.endBroadcast(BROADCAST);
    await until(() => sink.events.length === 1);
    expect(sink.events).toEqual([`over ${BROADCAST}`]);
  });

  it('refuses feeds that come after it', async () => {
    const { live, open } = box();
    open().end();
    live.endBroadcast(BROADCAST);
    expect(open().destroyed).toBe(true);
  });

  it('drains: what ffmpeg holds comes out, and new feeds are refused', async () => {
    const { sink, live, open } = box();
    const feed = open();
    push(feed, { seconds: 20, realTime: true });
    await until(() => sink.size(0) > 60_000);
    feed.on('error', () => {});
    await live.drain(5_000);
    expect(sink.runs[0]?.ended).toBe(true);
    expect((await renditions(sink, 0)).v480?.frames).toBeGreaterThan(10);
    expect(open().destroyed).toBe(true);
  });

  it('drains within its grace though ffmpeg hangs', async () => {
    const { sink, live, open } = box();
    push(open(), { seconds: 20, realTime: true });
    await until(() => sink.size(0) > 0);
    process.kill(pidOf(live), 'SIGSTOP');
    await live.drain(200);
    expect(live.live()[0]?.pid).toBeNull();
  });

  it('refuses a feed of nothing', () => {
    expect(box().open(0, { facts: { video: null, audio: null } }).destroyed).toBe(true);
  });
});
