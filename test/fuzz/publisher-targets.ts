import { Writable } from 'node:stream';
import type { FeedSink } from '../../src/ingest/feed-sink.js';
import type { RecordedClip } from '../../src/ingest/matroska/recorded-clip.fixture.js';
import { PublishingBench } from '../../src/ingest/publishing.fixture.js';
import type { DecoderConfig, Frame } from '../../src/media/frame.js';
import type { FuzzTarget } from './fuzz-run.js';
import { mutate } from './mutate.js';
import type { Random } from './random.js';
import type { Recordings } from './recordings.js';

const TIMESCALES = [1000, 90_000, 48_000];
const STEPS = [0, 1, 40, 3000, 2 ** 20, -1, -40, -4000, 2 ** 31, -(2 ** 33)];

/** Counts what a publisher's frames become, and throws it away. */
class CountingSink implements FeedSink {
  bytes = 0;

  open(): Writable {
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.bytes += chunk.length;
        done();
      },
    });
  }

  endBroadcast(): void {}
}

/** What every protocol hands its frames to: clocks, tracks, the feed's muxer. */
export async function publisherTargets({ video, audio }: Recordings): Promise<FuzzTarget[]> {
  const sink = new CountingSink();
  const bench = await PublishingBench.open({ sink });
  const clips = { video: Object.values(video), audio: Object.values(audio) };
  const target: FuzzTarget = {
    name: 'publishers',
    share: 8,
    async attempt(random) {
      const before = sink.bytes;
      const sent = await publish(bench, random, [random.pick(clips.video), random.pick(clips.audio)]);
      const written = sink.bytes - before;
      if (written > 10 * sent + 100_000) throw new Error(`${written} bytes of feed out of ${sent}`);
      return written > 0;
    },
    finish: () => bench.close(),
  };
  return [target];
}

async function publish(bench: PublishingBench, random: Random, clips: readonly RecordedClip[]): Promise<number> {
  const admission = await bench.publishing.admit({
    streamKey: 'key-fuzz',
    channel: null,
    backup: false,
    protocol: 'rtmp',
    remoteAddress: '127.0.0.1:1',
    onStop: () => {},
  });
  if (!admission.ok) throw new Error(admission.message);
  const { session } = admission;
  let sent = 0;
  let shift = 0;
  for (const clip of clips) session.config(mutateConfig(random, clip.config));
  const frames = clips.flatMap((clip) => clip.frames).sort((one, other) => one.dts - other.dts);
  for (const frame of frames) {
    if (random.once(20)) shift += random.pick(STEPS);
    if (random.once(30)) session.config(mutateConfig(random, random.pick(clips).config));
    if (random.once(30)) session.metadata({ frameRate: 1 + random.below(300) });
    const changed = mutateFrame(random, frame, shift);
    sent += changed.data.length;
    if (!session.frame(changed)) await session.drained();
  }
  session.end();
  return sent;
}

function mutateConfig(random: Random, config: DecoderConfig): DecoderConfig {
  return random.once(4) ? { ...config, data: mutate(random, config.data) } : config;
}

function mutateFrame(random: Random, frame: Frame, shift: number): Frame {
  const timescale = random.once(30) ? random.pick(TIMESCALES) : frame.timescale;
  const dts = frame.dts + shift;
  const pts = frame.pts + shift + (random.once(30) ? random.pick(STEPS) : 0);
  const data = random.once(8) ? mutate(random, frame.data) : frame.data;
  return { ...frame, timescale, dts, pts, data, key: random.once(20) ? !frame.key : frame.key };
}
