import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { amf, messageBytes, type RtmpClient } from '../../src/ingest/rtmp/rtmp-client.fixture.js';
import { cleanUp, newFolder, startBox, type TestBox } from '../box.js';
import { type Message, recordSignals, replay } from '../replay.js';
import {
  behindBoxClock,
  brightness,
  frameTimes,
  promisedSec,
  type Seen,
  type Stretch,
  toneStarts,
  Viewer,
} from '../viewer.js';

/**
 * What viewers see when a source's clock, or the box's own, does what clocks should not do. Each source is a real recording
 * that lasts SECONDS, sent at its own pace under edited times; every case has a box in common and a channel of its own.
 */
const SECONDS = 10;
const FAULT_MS = 4000;
/** A picture lasts 40 ms: nothing is missing between two pictures that are closer than this. */
const PICTURE_GAP_MAX_SEC = 0.061;
const SOUND_GAP_MAX_SEC = 0.05;
const TOGETHER_SEC = 0.08;

let box: TestBox;
let source: Message[];
beforeAll(async () => {
  [box, source] = await Promise.all([startBox(), recordSignals(SECONDS)]);
});
afterAll(cleanUp);

interface Channel {
  readonly rtmpUrl: string;
  readonly hlsUrl: string;
}

async function newChannel(on: TestBox, name: string): Promise<Channel> {
  const channel = await on.json<Channel>('channel', 'create', name);
  // So that the broadcast is over when its publisher leaves, and a starved test machine's late pictures are waited for.
  await on.command('channel', 'set', name, '--grace', '0', '--on-loss', 'hold');
  return channel;
}

interface Fault {
  /** The time that a message is sent under, by its own; null: it is lost. */
  readonly edit?: (clock: number, message: Message) => number | null;
  /** By how much longer the broadcast becomes, seconds. */
  readonly longerSec?: number;
  /** Flashes whose tone is lost. */
  readonly silent?: number;
  /** What happens at FAULT_MS. */
  readonly happens?: (channel: Channel, client: RtmpClient) => void | Promise<void>;
}

/** Publishes the source with the fault in it, and watches to the end. */
async function broadcast(on: TestBox, name: string, { edit, happens = () => {} }: Fault): Promise<Viewer> {
  const channel = await newChannel(on, name);
  const { client, sent, stop } = await replay(channel.rtmpUrl, source, edit);
  const viewer = Viewer.watch(channel.hlsUrl);
  await Promise.all([sent, wait(FAULT_MS).then(() => happens(channel, client))]);
  await stop();
  await seenToTheEnd(viewer, on);
  return viewer;
}

const seenToTheEnd = (viewer: Viewer, on: TestBox): Promise<void> =>
  Promise.race([viewer.done, deadline(60_000, () => `the playlists never ended:\n${on.printed().slice(-3000)}`)]);

const deadline = (ms: number, words: () => string): Promise<never> =>
  new Promise((_, reject) => setTimeout(() => reject(new Error(words())), ms).unref());

/** One stretch without a break: all in it, or the expectation that fails. */
function unbroken(seen: Seen): Stretch {
  expect(seen.missed).toEqual([]);
  expect(seen.stretches).toHaveLength(1);
  const [stretch] = seen.stretches;
  if (!stretch) throw new Error('nothing was seen');
  const numbers = stretch.segments.map(({ number }) => number);
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
  return stretch;
}

function expectSteady(times: readonly number[], gapMaxSec: number): void {
  times.slice(1).forEach((time, index) => {
    const step = time - (times[index] ?? 0);
    if (step <= 0 || step > gapMaxSec) throw new Error(`a step of ${step} s at ${time} s`);
  });
}

/** The whole source was seen: every picture, the sound without a hole, in step with each other and with the playlist. */
async function expectWhole(viewer: Viewer, { longerSec = 0, silent = 0 }: Fault): Promise<void> {
  const [video, audio] = [unbroken(viewer.video), unbroken(viewer.audio)];
  const [pictures, sounds] = await Promise.all([frameTimes(video), frameTimes(audio)]);
  expectSteady(pictures, PICTURE_GAP_MAX_SEC);
  expectSteady(sounds, SOUND_GAP_MAX_SEC);
  const lasted = (times: readonly number[]) => (times.at(-1) ?? 0) - (times[0] ?? 0);
  const seconds = SECONDS + longerSec;
  expect(Math.abs(pictures.length - seconds * 25)).toBeLessThanOrEqual(3);
  for (const sec of [lasted(pictures), lasted(sounds), promisedSec(video), promisedSec(audio)]) {
    expect(Math.abs(sec - seconds)).toBeLessThan(0.25);
  }
  const [light, tones] = await Promise.all([brightness(video), toneStarts(audio)]);
  expect(light).toHaveLength(pictures.length);
  const flashes = pictures.filter((_, at) => (light[at] ?? 0) > 128 && (light[at - 1] ?? 0) <= 128);
  expectTogether(
    flashes,
    tones.map((tone) => tone + (sounds[0] ?? 0)),
    silent,
  );
  expectSteady(flashes, 1.1 + longerSec);
}

/** Every flash comes with its tone, but for those whose tone was lost. */
function expectTogether(flashes: readonly number[], tones: readonly number[], silent: number): void {
  expect(flashes).toHaveLength(SECONDS);
  expect(tones).toHaveLength(SECONDS - silent);
  for (const tone of tones) {
    const apart = Math.min(...flashes.map((flash) => Math.abs(flash - tone)));
    expect(apart, `the tone at ${tone} s`).toBeLessThan(TOGETHER_SEC);
  }
}

it.concurrent.each<[string, string, Fault]>([
  ['the clock of the source jumps 20 s ahead', 'ahead', { edit: (at) => (at < FAULT_MS ? at : at + 20_000) }],
  ['the clock of the source jumps 4 s back', 'back', { edit: (at) => (at < FAULT_MS ? at : at - 4_000) }],
  ['the clock of the source comes round after 32 bits', 'wrap', { edit: (at) => at + 2 ** 32 - FAULT_MS }],
  ['the clock of the source begins again', 'again', { edit: (at) => (at < FAULT_MS ? at + 5e6 : at - FAULT_MS) }],
  ['nothing comes for 0.3 s', 'hole', { edit: (at) => (at <= FAULT_MS ? at : at + 300), longerSec: 0.3 }],
  [
    'the sound is missing for 1.5 s',
    'silent',
    { edit: (at, { type }) => (type === 8 && at > FAULT_MS - 250 && at < FAULT_MS + 1250 ? null : at), silent: 2 },
  ],
  ['the publisher stops reading', 'deaf', { happens: (_, client) => void client.socket.pause() }],
])('viewers see all of it, without a break, when %s', { timeout: 60_000 }, async (_, name, fault) => {
  await expectWhole(await broadcast(box, name, fault), fault);
});

/** The cases above run beside this one on the same box, and are its witnesses that nobody else notices. */
it.concurrent('a publisher that stops reading and has the box answer is cut; viewers see what it sent until then', {
  timeout: 60_000,
}, async () => {
  const { rtmpUrl, hlsUrl } = await newChannel(box, 'greedy');
  const { client, sent } = await replay(rtmpUrl, source);
  const viewer = Viewer.watch(hlsUrl);
  await wait(FAULT_MS);
  client.socket.pause();
  const asks = Buffer.concat(Array.from({ length: 500 }, () => messageBytes(20, amf('createStream', 2, null))));
  const flood = setInterval(() => client.socket.write(asks), 5);
  await Promise.race([sent, deadline(60_000, () => `it was never cut:\n${box.printed().slice(-3000)}`)])
    .catch((error: Error) => expect(error.message).toMatch(/the server closed the connection/))
    .finally(() => clearInterval(flood));
  await seenToTheEnd(viewer, box);
  const pictures = await frameTimes(unbroken(viewer.video));
  expectSteady(pictures, PICTURE_GAP_MAX_SEC);
  expect(pictures.length).toBeGreaterThan((FAULT_MS / 1000 - 1) * 25);
});

const steppedClock = fileURLToPath(new URL('../stepped-clock.mjs', import.meta.url));

it.concurrent.each([
  ['an hour back', -3_600_000],
  ['an hour ahead', 3_600_000],
])(
  'viewers see all of it, without a break, when the clock of the box steps %s',
  { timeout: 60_000 },
  async (_, stepMs) => {
    const file = join(newFolder(), 'step');
    writeFileSync(file, '0');
    const wrap = ['env', `STEPPED_CLOCK=${file}`, `NODE_OPTIONS=--import=${steppedClock}`];
    const stepped = await startBox({ wrap });
    const happens = async ({ hlsUrl }: Channel) => {
      writeFileSync(file, String(stepMs));
      await wait(3000);
      // DASH players go by this.
      const behind = await behindBoxClock(hlsUrl);
      expect(behind).toBeGreaterThan(-1);
      expect(behind).toBeLessThan(20);
    };
    await expectWhole(await broadcast(stepped, 'stepped', { happens }), {});
    await stepped.kill('SIGTERM');
  },
);
