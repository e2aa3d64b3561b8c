import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { SourceFacts } from '../../media/source-facts.js';
import { silentLog } from '../../telemetry/log.js';
import { Metrics } from '../../telemetry/metrics.js';
import { type FeedOptions, KeepingSink, type Probed, probe, publish, smallFacts, smallVideo } from '../live.fixture.js';
import { LiveTranscoder } from '../live.js';

const BROADCAST = 'b_0123456789abcdef';
const live: LiveTranscoder[] = [];
afterEach(() => Promise.all(live.splice(0).map((transcoder) => transcoder.drain(0))));

interface Passed {
  readonly sink: KeepingSink;
  readonly by: string;
  readonly renditions: Record<string, Probed>;
}

/** One feed with that preset, to its end. */
async function pass(preset: string, feed: Partial<FeedOptions> = {}, facts: SourceFacts = smallFacts): Promise<Passed> {
  const sink = new KeepingSink();
  const transcoder = new LiveTranscoder({
    ...{ fragments: sink, log: silentLog, metrics: new Metrics(), pixelsPerSecond: () => 1e9 },
  });
  live.push(transcoder);
  const start = { channel: 'town-hall', broadcastId: BROADCAST, startMs: 0, startedAt: 0 };
  const writable = transcoder.open({ ...start, facts, preset });
  const publisher = publish({ seconds: 4, ...feed });
  let by = '';
  publisher.outputs[0]?.on('data', () => {
    by ||= transcoder.live()[0]?.by ?? '';
  });
  publisher.outputs[0]?.pipe(writable);
  await once(writable, 'finish');
  by ||= transcoder.live()[0]?.by ?? '';
  transcoder.endBroadcast(BROADCAST);
  while (!sink.events.includes(`over ${BROADCAST}`)) await new Promise((resolve) => setTimeout(resolve, 20));
  const kept = [...(sink.runs[0]?.bytes ?? [])];
  const probed = kept.map(async ([id, chunks]) => [id, await probe(Buffer.concat(chunks))] as const);
  return { sink, by, renditions: Object.fromEntries(await Promise.all(probed)) };
}

const keys = (rendition: Probed | undefined) => rendition?.packets.filter(({ key }) => key).map(({ time }) => time);

describe('a source whose keys come regularly', () => {
  it('is passed through without ffmpeg: every picture and every block of sound, in its time', async () => {
    const { sink, by, renditions } = await pass('passthrough');
    const { v180, audio } = renditions;
    expect(by).toBe('passthrough');
    expect(sink.runs[0]?.start).toMatchObject({ cut: 'keys', segmentSec: 2, keyIntervalSec: 1, partSec: 0.204 });
    expect(v180).toMatchObject({ codec: 'h264', width: 320, height: 180, frames: 100 });
    const times = v180?.packets.map(({ time }) => time).sort((a, b) => a - b) ?? [];
    // The publisher's muxer puts everything 21 ms late, for the AAC encoder's priming.
    expect(times.map((time) => Math.round((time - 10.021) * 25))).toEqual(
      Array.from({ length: 100 }, (_, index) => index),
    );
    expect(keys(v180)?.map((time) => Math.round(time - 10))).toEqual([0, 1, 2, 3]);
    expect(audio).toMatchObject({ codec: 'aac' });
    expect(audio?.packets.length).toBeGreaterThanOrEqual(188);
    const steps = audio?.packets.slice(1).map(({ time }, index) => time - (audio.packets[index]?.time ?? 0)) ?? [];
    for (const step of steps) expect(step).toBeCloseTo(1024 / 48_000, 4);
  });

  it.each([
    ['hevc', ['libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error:bframes=2:keyint=25:min-keyint=25']],
    ['av1', ['libsvtav1', '-preset', '12', '-svtav1-params', 'keyint=25']],
  ])('in %s is passed through as well', async (codec, coder) => {
    const facts = { ...smallFacts, video: { ...smallVideo, codec } };
    const { by, renditions } = await pass('passthrough', { coder, filter: 'format=yuv420p' }, facts);
    expect(by).toBe('passthrough');
    expect(renditions.v180).toMatchObject({ codec, width: 320, height: 180, frames: 100 });
  });

  it('keeps its picture on top of a ladder whose keys stand where its own do', async () => {
    const facts = { ...smallFacts, video: { ...smallVideo, width: 1280, height: 720 } };
    const { sink, by, renditions } = await pass('passthrough-top', { size: '1280x720', seconds: 3 }, facts);
    expect(by).toBe('cpu');
    expect(sink.runs[0]?.start).toMatchObject({ cut: 'keys', segmentSec: 2 });
    expect(sink.runs[0]?.start.renditions.map(({ id }) => id)).toEqual(['v720', 'v540', 'v360', 'audio']);
    expect(renditions.v720?.frames).toBe(75);
    expect(keys(renditions.v720)).toHaveLength(3);
    for (const id of ['v540', 'v360']) {
      expect(renditions[id]?.frames).toBe(75);
      expect(keys(renditions[id])).toEqual(keys(renditions.v720));
    }
    expect(renditions.audio?.codec).toBe('aac');
  });

  it('is encoded where it must be turned, and its sound is passed nonetheless', async () => {
    const facts = { ...smallFacts, video: { ...smallVideo, rotation: 180 as const } };
    const { sink, by, renditions } = await pass('passthrough', { seconds: 3 }, facts);
    expect(by).toBe('cpu');
    expect(sink.runs[0]?.start).toMatchObject({ cut: 'grid', segmentSec: 2 });
    expect(keys(renditions.v180)).toEqual([10, 12].map((time) => expect.closeTo(time, 1)));
    expect(renditions.audio?.codec).toBe('aac');
  });
});

it('a source with keys too far apart is encoded', async () => {
  const facts = { ...smallFacts, video: { ...smallVideo, keyIntervalMs: 8_000 } };
  const { by, sink } = await pass('passthrough', {}, facts);
  expect(by).toBe('cpu');
  expect(sink.runs[0]?.start.cut).toBe('grid');
});

it('sound alone is passed through by itself', async () => {
  const { by, sink, renditions } = await pass('passthrough', { tracks: 'audio' }, { ...smallFacts, video: null });
  expect(by).toBe('passthrough');
  expect(sink.runs[0]?.start.cut).toBe('grid');
  expect(renditions.audio?.packets.length).toBeGreaterThanOrEqual(188);
});

it('a picture is left out where the preset wants sound alone', async () => {
  const { renditions } = await pass('audio-only');
  expect(Object.keys(renditions)).toEqual(['audio']);
});
