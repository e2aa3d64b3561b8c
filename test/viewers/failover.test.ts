import HLS, { type types } from 'hls-parser';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cleanUp, startBox, type TestBox, until } from '../box.js';
import { decodedFrames, judgeHls } from '../judges.js';
import { wholeSegments } from '../playlists.js';
import { type Publisher, publish, stopPublishers } from '../publisher.js';

/**
 * Publishers come and go; a viewer polls one playlist all the while, as a player does, and writes down what it is told. What it
 * was told must add up: nothing taken back, no number left out, no end in between.
 */
interface Channel {
  readonly rtmpUrl: string;
  readonly hlsUrl: string;
}

interface LiveStatus {
  readonly state: 'live' | 'slate' | 'holding';
  readonly broadcastId: string;
  readonly sources: readonly { readonly role: string; readonly onAir: boolean }[];
}

interface Seen {
  readonly uri: string;
  readonly discontinuity: boolean;
  readonly duration: number;
}

/** Polls a media playlist until stopped. */
class Viewer {
  readonly segments = new Map<number, Seen>();
  readonly faults: string[] = [];
  /** The longest time without a new segment, ms. */
  longestWaitMs = 0;
  #newestAt = performance.now();
  #watching = true;
  readonly #done: Promise<void>;

  constructor(url: string) {
    this.#done = this.#watch(url);
  }

  async stop(): Promise<void> {
    this.#watching = false;
    await this.#done;
  }

  get newest(): number {
    return Math.max(-1, ...this.segments.keys());
  }

  async #watch(url: string): Promise<void> {
    while (this.#watching) {
      const answer = await fetch(url);
      if (answer.status === 200) this.#read(HLS.parse(await answer.text()) as types.MediaPlaylist);
      else if (this.segments.size > 0) this.faults.push(`status ${answer.status}`);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }

  #read(playlist: types.MediaPlaylist): void {
    if (playlist.endlist) this.faults.push('the playlist ended');
    const before = this.newest;
    for (const { mediaSequenceNumber, uri, discontinuity, duration } of wholeSegments(playlist)) {
      const known = this.segments.get(mediaSequenceNumber);
      if (known !== undefined && known.uri !== uri) this.faults.push(`segment ${mediaSequenceNumber} changed`);
      this.segments.set(mediaSequenceNumber, { uri, discontinuity: discontinuity ?? false, duration });
    }
    if (this.newest > before) {
      const now = performance.now();
      if (before >= 0) this.longestWaitMs = Math.max(this.longestWaitMs, now - this.#newestAt);
      this.#newestAt = now;
    }
  }
}

let box: TestBox;

beforeAll(async () => {
  box = await startBox({ args: ['--set', 'transcode.pixelsPerSecond=60000000'] });
});

afterAll(async () => {
  stopPublishers();
  await cleanUp();
});

const status = async () => (await box.json<{ live: LiveStatus[] }>('status')).live[0];
const onAir = async () => (await status())?.sources.find((source) => source.onAir)?.role;
const printed = () => box.printed();

async function watched(name: string): Promise<{ channel: Channel; publisher: Publisher; viewer: Viewer }> {
  const channel = await box.json<Channel>('channel', 'create', name);
  const publisher = publish(channel.rtmpUrl, { seconds: 600 });
  const playlist = new URL('v360.m3u8', channel.hlsUrl).href;
  await until(async () => (await fetch(playlist)).status === 200, 60_000, printed);
  return { channel, publisher, viewer: new Viewer(playlist) };
}

/** As many more segments as `count`. */
function moreSegments(viewer: Viewer, count: number): Promise<void> {
  const from = viewer.newest;
  return until(() => viewer.newest >= from + count, 60_000, printed);
}

function judge(viewer: Viewer): void {
  const numbers = [...viewer.segments.keys()].sort((a, b) => a - b);
  expect(viewer.faults).toEqual([]);
  // Less than the playlist's window: whoever plays at its usual distance never ran dry.
  expect(viewer.longestWaitMs).toBeLessThan(15_000);
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
  expect([...viewer.segments.values()].filter(({ discontinuity }) => discontinuity)).toEqual([]);
}

it('a publisher that is cut and comes back goes on in the same broadcast, and viewers see the slate meanwhile', async () => {
  const { channel, publisher, viewer } = await watched('town-hall');
  await moreSegments(viewer, 1);
  const { broadcastId } = (await status()) ?? {};
  await publisher.stop();
  await until(async () => (await status())?.state === 'slate', 60_000, printed);
  await moreSegments(viewer, 3);
  const again = publish(channel.rtmpUrl, { seconds: 600 });
  await until(async () => (await status())?.state === 'live', 60_000, printed);
  await moreSegments(viewer, 3);
  await judgeHls(channel.hlsUrl);
  expect((await status())?.broadcastId).toBe(broadcastId);
  // Six seconds and more, in which the slate gives way to the publisher.
  expect(await decodedFrames(channel.hlsUrl, 6)).toBeGreaterThan(140);
  await viewer.stop();
  judge(viewer);
  expect(new Set([...viewer.segments.values()].map(({ uri }) => uri.split('/')[2])).size).toBe(1);
  await again.stop();
  await box.command('channel', 'delete', 'town-hall');
});

it('a backup takes over when the primary is killed, and hands back, without a break for viewers', async () => {
  const { channel, publisher, viewer } = await watched('evening');
  const backup = publish(`${channel.rtmpUrl}?backup=1`, { seconds: 600 });
  await until(async () => (await status())?.sources.length === 2, 60_000, printed);
  await moreSegments(viewer, 1);
  expect(await onAir()).toBe('primary');
  await publisher.stop();
  await until(async () => (await onAir()) === 'backup', 60_000, printed);
  await moreSegments(viewer, 2);
  const again = publish(channel.rtmpUrl, { seconds: 600 });
  await until(async () => (await onAir()) === 'primary', 60_000, printed);
  await moreSegments(viewer, 2);
  await judgeHls(channel.hlsUrl);
  await viewer.stop();
  judge(viewer);
  for (const { duration } of viewer.segments.values()) expect(Math.abs(duration - 2)).toBeLessThan(0.2);
  await again.stop();
  await backup.stop();
});
