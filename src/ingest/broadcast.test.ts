import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PublisherSession } from './broadcast.js';
import { decode } from './ffmpeg.fixture.js';
import type { BenchOptions } from './publishing.fixture.js';
import { record, shifted } from './recorded-source.fixture.js';
import type { MediaMessage } from './rtmp/flv-content.js';
import { recordSlate, Stage } from './stage.fixture.js';

let recorded: MediaMessage[];
let slate: Buffer;
const stages: Stage[] = [];
const facts = (width: number, height: number) => ({
  video: {
    codec: 'h264',
    ...({ width, height, rotation: 0, sampleAspectRatio: 1, frameRate: 25, interlaced: false, hdr: false } as const),
  },
  audio: { codec: 'aac', sampleRate: 48_000, channels: 1 },
});

beforeAll(async () => {
  recorded = await record({ seconds: 8 });
  slate = await recordSlate(facts(320, 180));
});

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] });
});

afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

afterAll(() => vi.useRealTimers());

async function open(options: BenchOptions = {}): Promise<Stage> {
  const stage = await Stage.open({
    slates: { make: async () => slate },
    defaults: { graceSec: 30, onLoss: 'slate' },
    ...options,
  });
  stages.push(stage);
  return stage;
}

const upTo = (messages: readonly MediaMessage[], ms: number) => messages.filter(({ clock }) => clock < ms);
const from = (messages: readonly MediaMessage[], ms: number) => [
  ...configs(messages),
  ...messages.filter(({ clock }) => clock >= ms),
];
/** The first message of each track tells its decoder config. */
function configs(messages: readonly MediaMessage[]): MediaMessage[] {
  return (['video', 'audio'] as const).flatMap((kind) => messages.find((message) => message.kind === kind) ?? []);
}
const pictures = async (stage: Stage, feed: number) =>
  (await stage.packets(feed)).filter(({ codec_type }) => codec_type === 'video').map(({ pts }) => pts);
const steps = (times: readonly number[]) => times.slice(1).map((time, index) => time - (times[index] ?? 0));
/** The slate is made behind the scenes. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a publisher who is cut and comes back', () => {
  it('finds its broadcast, and viewers saw the slate meanwhile, in one feed', async () => {
    const stage = await open();
    const first = await stage.admit();
    stage.play({ session: first, messages: upTo(recorded, 2000), at: 0 });
    await settle();
    first.end();
    expect(stage.bench.publishing.live()).toMatchObject([{ state: 'slate', sources: [] }]);
    stage.waitUntil(7000);
    const second = await stage.admit();
    expect(second.broadcastId).toBe(first.broadcastId);
    stage.play({ session: second, messages: shifted(recorded, (clock) => clock + 77_000), at: 7000 });
    second.end();
    expect(stage.bench.switches).toEqual(['primary > slate', 'slate > primary', 'primary > slate']);
    expect(stage.sink.feeds).toHaveLength(1);
    const times = await pictures(stage, 0);
    expect(Math.max(...steps(times))).toBeLessThanOrEqual(200);
    expect(Math.min(...steps(times))).toBeGreaterThan(0);
    expect(Math.abs((times.at(-1) ?? 0) - 15_000)).toBeLessThan(300);
    const { errors } = await decode(await stage.file(0));
    expect(errors).toBe('');
    expect(await stage.bench.metrics.text()).toMatch(/ingest_reconnects_total 1\n/);
  });

  it('gets a new broadcast after the grace time', async () => {
    const stage = await open();
    const first = await stage.admit();
    stage.play({ session: first, messages: upTo(recorded, 2000), at: 0 });
    first.end();
    stage.waitUntil(31_000);
    expect(stage.bench.publishing.live()).toHaveLength(1);
    stage.waitUntil(33_000);
    expect(stage.bench.publishing.live()).toEqual([]);
    expect(stage.sink.ended).toEqual([first.broadcastId]);
    expect(stage.bench.events.map(({ kind }) => kind)).toEqual(['started', 'ended']);
    const second = await stage.admit();
    expect(second.broadcastId).not.toBe(first.broadcastId);
  });

  it('begins a new feed at the wall clock, where the channel holds instead', async () => {
    const stage = await open({ settings: { onLoss: 'hold' } });
    const first = await stage.admit();
    stage.play({ session: first, messages: upTo(recorded, 2000), at: 0 });
    first.end();
    expect(stage.bench.publishing.live()).toMatchObject([{ state: 'holding' }]);
    stage.waitUntil(12_000);
    const second = await stage.admit();
    stage.play({ session: second, messages: upTo(recorded, 3000), at: 12_000 });
    second.end();
    expect(stage.sink.feeds).toHaveLength(2);
    expect(Math.abs((stage.sink.feeds[1]?.start.startMs ?? 0) - 12_000)).toBeLessThan(500);
    expect(stage.sink.feeds[1]?.start.startedAt).toBe(stage.sink.feeds[0]?.start.startedAt);
  });

  it('as another picture size gets a feed of its own, and so does a slate that no longer fits', async () => {
    const other = await record({ size: '640x360', seconds: 3 });
    const wide = await recordSlate(facts(640, 360));
    const make = async ({ video }: { video: { width: number } | null }) => (video?.width === 640 ? wide : slate);
    const stage = await open({ slates: { make } });
    const first = await stage.admit();
    stage.play({ session: first, messages: upTo(recorded, 2000), at: 0 });
    await settle();
    first.end();
    stage.waitUntil(4000);
    const second = await stage.admit();
    stage.play({ session: second, messages: other, at: 4000 });
    await settle();
    second.end();
    stage.waitUntil(9000);
    expect(stage.sink.feeds.map(({ start }) => start.facts.video?.width)).toEqual([320, 640]);
    expect(await decode(await stage.file(1))).toMatchObject({ errors: '' });
  });
});

describe('a primary and a backup', () => {
  it('take turns within a second, in one feed, and the primary is preferred', async () => {
    const stage = await open();
    const primary = await stage.admit();
    const backup = await stage.admit({ backup: true });
    stage.play(
      { session: primary, messages: upTo(recorded, 3000), at: 0 },
      { session: backup, messages: shifted(recorded, (clock) => clock + 500_000), at: 0 },
    );
    // The primary stalled at 3 s: the backup has stood in since 4 s.
    expect(stage.bench.switches).toEqual(['primary > backup']);
    expect(stage.bench.publishing.live()).toMatchObject([
      {
        state: 'live',
        sources: [
          { role: 'primary', onAir: false },
          { role: 'backup', onAir: true },
        ],
      },
    ]);
    stage.play(
      { session: backup, messages: shifted(recorded, (clock) => clock + 508_000), at: 8000 },
      { session: primary, messages: from(recorded, 3000), at: 8000 },
    );
    expect(stage.bench.switches).toEqual(['primary > backup', 'backup > primary', 'primary > backup']);
    expect(stage.sink.feeds).toHaveLength(1);
    const times = await pictures(stage, 0);
    expect(Math.max(...steps(times))).toBeLessThan(1300);
    expect(Math.min(...steps(times))).toBeGreaterThan(0);
    expect(Math.abs((times.at(-1) ?? 0) - 16_000)).toBeLessThan(300);
    expect((await decode(await stage.file(0))).errors).toBe('');
  });

  it('take over at once when the connection ends', async () => {
    const stage = await open();
    const primary = await stage.admit();
    const backup = await stage.admit({ backup: true });
    stage.play(
      { session: primary, messages: upTo(recorded, 2500), at: 0 },
      { session: backup, messages: upTo(recorded, 2500), at: 0 },
    );
    primary.end();
    expect(stage.bench.switches).toEqual(['primary > backup']);
    stage.play({ session: backup, messages: from(recorded, 2500), at: 2500 });
    const times = await pictures(stage, 0);
    expect(Math.max(...steps(times))).toBeLessThan(100);
    backup.end();
    expect(stage.bench.switches.at(-1)).toBe('backup > slate');
  });

  it('have a slot each', async () => {
    const stage = await open();
    const primary = await stage.admit();
    await stage.admit({ backup: true });
    await expect(stage.admit()).rejects.toThrow('channel hall is already publishing');
    await expect(stage.admit({ backup: true })).rejects.toThrow('channel hall already has a backup');
    primary.end();
    await stage.admit();
  });

  it('of another sound or shape change over with a new feed', async () => {
    const other = await record({ size: '640x360', seconds: 8 });
    const stage = await open();
    const primary = await stage.admit();
    const backup = await stage.admit({ backup: true });
    stage.play(
      { session: primary, messages: upTo(recorded, 3000), at: 0 },
      { session: backup, messages: other, at: 0 },
    );
    expect(stage.sink.feeds.map(({ start }) => start.facts.video?.width)).toEqual([320, 640]);
    expect((await decode(await stage.file(1))).errors).toBe('');
    expect((await pictures(stage, 1))[0]).toBe(stage.sink.feeds[1]?.start.startMs);
  });
});

describe('a publisher who stalls', () => {
  it('gives way to the slate, and comes back at its next key where pictures were lost', async () => {
    const stage = await open();
    const session = await stage.admit();
    stage.play({ session, messages: upTo(recorded, 2500), at: 0 });
    await settle();
    stage.waitUntil(5000);
    expect(stage.bench.publishing.live()).toMatchObject([{ state: 'slate', sources: [{ onAir: false }] }]);
    // Its times have a gap as long as the stall. The next key is at 6 s.
    const late = recorded.filter(({ clock }) => clock >= 5020);
    stage.play({ session, messages: late, at: 5020 });
    expect(stage.bench.switches).toEqual(['primary > slate', 'slate > primary']);
    expect(stage.sink.feeds).toHaveLength(1);
    const times = await pictures(stage, 0);
    expect(Math.abs((times.at(-1) ?? 0) - 7960)).toBeLessThan(300);
    expect((await decode(await stage.file(0))).errors).toBe('');
  });

  it('is put on to the wall clock when its encoder paused, and needs no key: no picture is missing', async () => {
    const stage = await open();
    const session = await stage.admit();
    stage.play({ session, messages: upTo(recorded, 2100), at: 0 });
    await settle();
    stage.waitUntil(8000);
    stage.play({ session, messages: from(upTo(recorded, 2900), 2100), at: 8000 });
    expect(stage.bench.switches).toEqual(['primary > slate']);
    stage.play({ session, messages: from(recorded, 2900), at: 8800 });
    expect(stage.bench.switches).toEqual(['primary > slate', 'slate > primary']);
    const times = await pictures(stage, 0);
    expect(Math.abs((times.at(-1) ?? 0) - 13_860)).toBeLessThan(300);
    expect((await decode(await stage.file(0))).errors).toBe('');
  });

  it('and sends its backlog in a burst stays at the wall clock too', async () => {
    const stage = await open();
    const session = await stage.admit();
    stage.play({ session, messages: upTo(recorded, 2000), at: 0 });
    await settle();
    stage.waitUntil(5000);
    stage.play({ session, messages: from(upTo(recorded, 5000), 2000), at: 5000, speed: 30 });
    stage.play({ session, messages: from(recorded, 5000), at: 5120 });
    expect(stage.bench.switches).toEqual(['primary > slate', 'slate > primary']);
    const times = await pictures(stage, 0);
    expect(Math.abs((times.at(-1) ?? 0) - 8000)).toBeLessThan(300);
  });

  it('for a moment only, with another sound than the slate: the slate takes none of its pictures without their parameter sets', async () => {
    const cabac = await record({ seconds: 8, extra: ['-coder', '1', '-ar', '44100'] });
    const stage = await open();
    const session = await stage.admit();
    stage.play({ session, messages: upTo(cabac, 2500), at: 0 });
    await settle();
    stage.waitUntil(3700);
    stage.play({ session, messages: from(upTo(cabac, 3700), 2500), at: 3700, speed: 30 });
    stage.play({ session, messages: from(cabac, 3700), at: 3750 });
    expect(stage.bench.switches).toEqual(['primary > slate', 'slate > primary']);
    expect(stage.sink.feeds).toHaveLength(3);
    // The slate's feed has no place for its sound: it gets a feed of its own at its first key, so that none is missing.
    const ofSlate = (await stage.packets(1)).filter(({ codec_type }) => codec_type === 'audio');
    expect((stage.sink.feeds[2]?.start.startMs ?? 0) - (ofSlate.at(-1)?.pts ?? 0)).toBeLessThan(100);
    for (const feed of [0, 1, 2]) expect((await decode(await stage.file(feed))).errors).toBe('');
  });

  it.each([
    ['is read before anything is decided', 10, []],
    ['is not waited for twice', 210, ['primary > slate', 'slate > primary']],
  ])('only because the box itself stood still %s', async (_, readAfterMs, switches) => {
    const stage = await open();
    const session = await stage.admit();
    stage.play({ session, messages: upTo(recorded, 2000), at: 0 });
    await settle();
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + 1500);
    const readAt = 2000 + readAfterMs;
    stage.play({ session, messages: from(upTo(recorded, 3500), 2000), at: readAt, speed: 30 });
    stage.play({ session, messages: from(recorded, 3500), at: readAt + 60 });
    expect(stage.bench.switches).toEqual(switches);
    expect(stage.sink.feeds).toHaveLength(1);
    expect((await decode(await stage.file(0))).errors).toBe('');
  });

  it('for good makes room for the same key', async () => {
    const stage = await open();
    const reasons: string[] = [];
    const first = await stage.admit({ onStop: (reason) => reasons.push(reason) });
    stage.play({ session: first, messages: upTo(recorded, 2000), at: 0 });
    stage.waitUntil(4000);
    await expect(stage.admit()).rejects.toThrow('already publishing');
    stage.waitUntil(5100);
    const second = await stage.admit();
    expect(reasons).toEqual(['another publisher came with the same key']);
    expect(second.broadcastId).toBe(first.broadcastId);
  });
});

describe('a publisher whose sound stops', () => {
  it('has silence filled in, and its pictures wait for nothing', async () => {
    const stage = await open();
    const session = await stage.admit();
    stage.play({ session, messages: upTo(recorded, 2000), at: 0 });
    await settle();
    const mute = recorded.filter(({ kind, clock }) => clock >= 2000 && (kind === 'video' || clock >= 6500));
    stage.play({ session, messages: mute, at: 2000 });
    expect(stage.sink.feeds).toHaveLength(1);
    const packets = await stage.packets(0);
    const sound = packets.filter(({ codec_type }) => codec_type === 'audio').map(({ pts }) => pts);
    expect(Math.max(...steps(sound))).toBeLessThan(500);
    expect(Math.min(...steps(sound))).toBeGreaterThan(0);
    expect(await pictures(stage, 0)).toHaveLength(200);
  });
});

describe('a feed that is lost', () => {
  it('begins again at once, in the middle of a group of pictures', async () => {
    const stage = await open();
    const session = await stage.admit();
    stage.play({ session, messages: upTo(recorded, 2300), at: 0 });
    stage.sink.feeds[0]?.writable.destroy();
    stage.play({ session, messages: from(upTo(recorded, 2900), 2300), at: 2300 });
    expect(stage.sink.feeds).toHaveLength(2);
    expect(stage.sink.feeds[1]?.start.startMs).toBeLessThan(2500);
    expect((await decode(await stage.file(1))).errors).toBe('');
  });
});

describe('a channel whose pictures may pass through', () => {
  it('says how far apart its keys are', async () => {
    const stage = await open({ wantsKeyInterval: (preset) => preset === 'through', settings: { preset: 'through' } });
    stage.play({ session: await stage.admit(), messages: upTo(recorded, 900), at: 0 });
    expect(stage.sink.feeds).toHaveLength(0);
    stage.play({ session: await stage.admit({ backup: true }), messages: recorded, at: 900 });
    expect(stage.sink.feeds[0]?.start).toMatchObject({ preset: 'through', facts: { video: { keyIntervalMs: 1000 } } });
  });

  it('does not wait for a second key of a publisher whose keys we ask for, and believes none that come sooner', async () => {
    const stage = await open({ wantsKeyInterval: () => true });
    const session = await stage.admit();
    session.metadata({ keyIntervalMs: 2500 });
    stage.play({ session, messages: upTo(recorded, 900), at: 0 });
    expect(stage.sink.feeds[0]?.start.facts.video?.keyIntervalMs).toBe(2500);
    stage.play({ session, messages: from(recorded, 900), at: 900 });
    expect(stage.bench.publishing.live()[0]?.facts.video?.keyIntervalMs).toBe(2500);
  });

  it('begins a new feed at each switch, and a source that is known is not gathered for long', async () => {
    const stage = await open({ wantsKeyInterval: () => true });
    const first = await stage.admit();
    stage.play({ session: first, messages: upTo(recorded, 3000), at: 0 });
    await settle();
    first.end();
    stage.waitUntil(5000);
    const second = await stage.admit();
    stage.play({ session: second, messages: upTo(recorded, 700), at: 5000 });
    expect(stage.sink.feeds.map(({ start }) => start.facts.video?.keyIntervalMs)).toEqual([1000, 1000, 1000]);
    expect((await decode(await stage.file(2))).errors).toBe('');
  });
});

describe('whatever publishers do', () => {
  const role = fc.constantFrom('primary', 'backup');
  const step = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constant('send'),
        role,
        from: fc.nat(400),
        count: fc.integer({ min: 1, max: 60 }),
        clock: fc.nat(2 ** 32 - 1),
        pace: fc.constantFrom(0, 20, 40, 400),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.integer({ min: 1, max: 20_000 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('end'), role }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('lose') }) },
  );

  it('each feed goes on from the one before it, and all ends when they have left', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (script) => {
        const stage = await open();
        const sessions = new Map<string, PublisherSession>();
        let [now, id] = [0, ''];
        for (const one of script) {
          if (one.do === 'wait') now += one.ms;
          stage.waitUntil(now);
          if (one.do === 'end') sessions.get(one.role)?.end();
          if (one.do === 'end') sessions.delete(one.role);
          if (one.do === 'lose') stage.sink.feeds.at(-1)?.writable.destroy();
          if (one.do !== 'send') continue;
          const session = sessions.get(one.role) ?? (await stage.admit({ backup: one.role === 'backup' }));
          sessions.set(one.role, session);
          id = session.broadcastId;
          const part = [...configs(recorded), ...recorded.slice(one.from, one.from + one.count)];
          for (const message of shifted(part, (clock) => clock + one.clock)) {
            now += one.pace;
            stage.waitUntil(now);
            stage.play({ session, messages: [message], at: now });
          }
        }
        for (const session of sessions.values()) session.end();
        await settle();
        stage.waitUntil(now + 31_000);
        expect(stage.bench.publishing.live()).toEqual([]);
        const starts = stage.sink.feeds
          .filter(({ start }) => start.broadcastId === id)
          .map(({ start }) => start.startMs);
        expect(starts).toEqual([...starts].sort((a, b) => a - b));
        expect(stage.sink.ended).toHaveLength(new Set(stage.sink.feeds.map(({ start }) => start.broadcastId)).size);
        await stages.pop()?.close();
      }),
      { numRuns: 60 },
    );
  });
});
