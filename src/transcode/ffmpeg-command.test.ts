import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { Rendition, VideoRendition } from '../media/rendition.js';
import type { SourceFacts, VideoFacts } from '../media/source-facts.js';
import { silentLog } from '../telemetry/log.js';
import { type LiveCommandOptions, liveCommand, rationalRate } from './ffmpeg-command.js';
import { type FfmpegRun, runFfmpeg, runTool } from './ffmpeg-process.js';
import { vodLadder } from './ladder.js';
import { type FeedOptions, fragmentsOf, type Probed, probe, publish, smallFacts, smallVideo } from './live.fixture.js';
import { partLength } from './part-length.js';

const rung = (id: string, width: number, height: number, frameRate = 25): VideoRendition => ({
  ...{ kind: 'video', id, width, height, frameRate, bitrate: 300_000, maxBitrate: 400_000 },
});
const audio: Rendition = { kind: 'audio', id: 'audio', bitrate: 128_000, sampleRate: 48_000, channels: 2 };

const command = (more: Partial<LiveCommandOptions> = {}) =>
  liveCommand({
    renditions: [rung('v180', 320, 180), rung('v90', 160, 90), audio],
    facts: smallFacts,
    startMs: 0,
    timelineOffsetSec: 10,
    segmentSec: 2,
    part: partLength({ partMs: 200, frameRate: 25, steady: true }),
    firstOutputFd: 3,
    ...more,
  });

const withVideo = (more: Partial<VideoFacts>): SourceFacts => ({ ...smallFacts, video: { ...smallVideo, ...more } });
const graphOf = (more: Partial<LiveCommandOptions>): string => {
  const { args } = command(more);
  return args[args.indexOf('-filter_complex') + 1] ?? '';
};

describe('the command line', () => {
  it('is this, for two pictures and a sound', () => {
    const { args, outputs } = command({ startMs: 12_345 });
    const video = (out: string, fd: number) =>
      `-map ${out} -r 25/1 -c:v libx264 -preset veryfast -tune zerolatency -profile:v high -threads 2 ` +
      '-sc_threshold 0 -bf 0 -g 200 -b:v 300000 -maxrate 400000 -bufsize 400000 -force_key_frames ' +
      'expr:if(isnan(prev_forced_t),1,gt(floor((t+12.360005556)/2),floor((prev_forced_t+12.360005556)/2))) ' +
      '-video_track_timescale 90000 -frag_duration 180000 -flush_packets 1 ' +
      '-movflags +cmaf+frag_keyframe+empty_moov+default_base_moof+frag_discont ' +
      `-output_ts_offset 10 -f mp4 pipe:${fd}`;
    expect(args.join(' ')).toBe(
      '-copyts -f matroska -probesize 32768 -analyzeduration 200000 -reinit_filter:v 0 -noautorotate ' +
        '-thread_type slice -threads 2 -i pipe:0 ' +
        "-filter_complex [0:v:0]settb=1/90000,select='if(isnan(prev_selected_t),gte(round(t*25/1),309)," +
        "gt(round(t*25/1),round(prev_selected_t*25/1)))',setpts='if(eq(N,0),12.360000000,round(T*25/1)/(25/1))/TB'," +
        'format=yuv420p,scale=320:180,setsar=1,split[out0][below0];' +
        `[below0]scale=160:90,setsar=1[out1] ${video('[out0]', 3)} ${video('[out1]', 4)} ` +
        '-map 0:a:0 -af aresample=async=1:min_hard_comp=0.05 -c:a aac -b:a 128000 -ar 48000 -ac 2 ' +
        '-frag_duration 74667 -flush_packets 1 -movflags +cmaf+empty_moov+default_base_moof+frag_discont ' +
        '-output_ts_offset 10 -f mp4 pipe:5',
    );
    expect(outputs).toEqual([
      { renditionId: 'v180', fd: 3 },
      { renditionId: 'v90', fd: 4 },
      { renditionId: 'audio', fd: 5 },
    ]);
  });

  it('has no picture options for sound alone, and no sound options for a picture alone', () => {
    const sound = command({ renditions: [audio], facts: { ...smallFacts, video: null } }).args;
    expect(sound.join(' ')).not.toMatch(/filter_complex|libx264|threads/);
    const picture = command({ renditions: [rung('v180', 320, 180)], facts: { ...smallFacts, audio: null } }).args;
    expect(picture.join(' ')).not.toMatch(/aac|aresample|split/);
  });

  it.each<[string, Partial<LiveCommandOptions>, RegExp]>([
    [
      'deinterlaces',
      { facts: withVideo({ interlaced: true }) },
      /^\[0:v:0\]bwdif=mode=send_frame:deint=interlaced,settb/,
    ],
    [
      'turns clockwise',
      { facts: withVideo({ width: 180, height: 320, rotation: 90 }) },
      /,transpose=clock,format=yuv420p,scale=320:180,setsar/,
    ],
    ['turns around', { facts: withVideo({ rotation: 180 }) }, /,hflip,vflip,/],
    ['squares pixels', { facts: withVideo({ width: 160, sampleAspectRatio: 2 }) }, /scale=320:180,setsar=1/],
    ['puts bars beside a narrower picture', { facts: withVideo({ width: 240 }) }, /scale=240:180,pad=320:180:-1:-1/],
    ['puts bars above a wider picture', { facts: withVideo({ width: 640 }) }, /scale=320:90,pad=320:180:-1:-1/],
    [
      'keeps NTSC exact',
      { renditions: [rung('v180', 320, 180, 30_000 / 1001)] },
      /round\(T\*30000\/1001\)\/\(30000\/1001\)/,
    ],
  ])('%s', (_, more, expected) => {
    expect(graphOf(more)).toMatch(expected);
  });

  it.each([
    [25, [25, 1]],
    [24_000 / 1001, [24_000, 1001]],
    [59.94, [60_000, 1001]],
    [12.5, [12_500, 1000]],
    [36, [36, 1]],
  ])('reads the rate %s as %j', (rate, expected) => {
    expect(rationalRate(rate)).toEqual(expected);
  });
});

/** Publishes a feed into the command: each rendition's bytes. */
async function made(
  feed: FeedOptions | FfmpegRun,
  options: Partial<LiveCommandOptions>,
): Promise<(readonly [id: string, bytes: Buffer])[]> {
  const { args, outputs } = command(options);
  const publisher = 'seconds' in feed ? publish(feed) : feed;
  const run = runFfmpeg(args, { log: silentLog, stdin: 'pipe', outputs: outputs.length, stallMs: 20_000 });
  if (run.stdin === null) throw new Error('ffmpeg has no stdin');
  publisher.outputs[0]?.pipe(run.stdin);
  const bytes = await Promise.all(run.outputs.map((output) => buffer(output)));
  expect(await run.done).toMatchObject({ ok: true });
  return bytes.map((rendition, index) => [outputs[index]?.renditionId ?? '', rendition]);
}

/** The same, probed. */
async function encode(...how: Parameters<typeof made>): Promise<Map<string, Probed>> {
  const renditions = await made(...how);
  return new Map(await Promise.all(renditions.map(async ([id, bytes]) => [id, await probe(bytes)] as const)));
}

const keys = (rendition: Probed | undefined) =>
  rendition?.packets.filter((packet) => packet.key).map(({ time }) => time);
const first = (rendition: Probed | undefined) => rendition?.packets[0]?.time ?? Number.NaN;
const ms = (seconds: number) => Math.round(seconds * 1000);

describe('what ffmpeg makes of it', () => {
  it('keeps the broadcast timeline over a restart: times exact, keys on the grid, renditions aligned', async () => {
    // The first feed: sound at 0.2 s, the picture 40 ms later; the second goes on at 12.345 s, its sound 30 ms earlier.
    const before = await encode({ startSec: 0.24, seconds: 5, audioLeadSec: 0.04 }, { startMs: 200 });
    for (const id of ['v180', 'v90']) {
      expect(keys(before.get(id))).toEqual([10.2, 12, 14]);
      // The first picture fills the one slot before it.
      expect(before.get(id)?.frames).toBe(126);
    }
    const after = await encode({ startSec: 12.345, seconds: 5, audioLeadSec: 0.03 }, { startMs: 12_315 });
    for (const id of ['v180', 'v90']) {
      expect(keys(after.get(id))).toEqual([22.32, 24, 26]);
    }
    // Sound stands where it was too, from at most two AAC primings (21.3 ms each: the publisher's and ours) before it.
    expect(ms(first(after.get('audio')))).toBeGreaterThanOrEqual(22_315 - 45);
    expect(ms(first(after.get('audio')))).toBeLessThanOrEqual(22_317);
  });

  it('puts keys on the grid at 29.97 pictures a second too, each the first at or past its line', async () => {
    const renditions = [rung('v180', 320, 180, 30_000 / 1001)];
    const facts = { ...withVideo({ frameRate: 30_000 / 1001 }), audio: null };
    const made = await encode(
      { startSec: 7.007, seconds: 6, rate: '30000/1001', tracks: 'video' },
      { startMs: 7007, renditions, facts },
    );
    const ticks = keys(made.get('v180'))?.map((time) => Math.round(time * 90_000) - 900_000) ?? [];
    const slot = 3003;
    expect(ticks).toEqual([210 * slot, ...[8, 10, 12].map((line) => Math.ceil((line * 90_000) / slot) * slot)]);
    expect(made.get('v180')?.frames).toBe(180);
  });

  it('makes a steady rate of an unsteady one', async () => {
    const filter = "select='not(eq(mod(n,5),3))'";
    const made = await encode(
      { seconds: 3, filter, tracks: 'video' },
      { renditions: [rung('v180', 320, 180)], facts: { ...smallFacts, audio: null } },
    );
    const times = made.get('v180')?.packets.map(({ time }) => ms(time)) ?? [];
    expect(times).toEqual(Array.from({ length: times.length }, (_, index) => 10_000 + 40 * index));
    expect(times.length).toBeGreaterThanOrEqual(73);
  });

  it('keeps its grid when the picture changes its size on the way', async () => {
    const picture = async (size: string) => {
      const source = ['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=s=${size}:r=25:d=1`];
      const coded = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-f', 'h264', 'pipe:1'];
      const outcome = await runTool('ffmpeg', [...source, ...coded], { log: silentLog });
      return outcome.ok ? outcome.stdout : Buffer.alloc(0);
    };
    const mux = ['-r', '25', '-f', 'h264', '-i', 'pipe:0', '-c', 'copy', '-f', 'matroska', '-live', '1', 'pipe:3'];
    const feed = runFfmpeg(mux, { log: silentLog, stdin: 'pipe', outputs: 1 });
    feed.stdin?.end(Buffer.concat([await picture('320x180'), await picture('160x90')]));
    const made = await encode(feed, {
      renditions: [rung('v180', 320, 180)],
      facts: { ...smallFacts, audio: null },
    });
    const { packets = [], ...rest } = made.get('v180') ?? {};
    expect(rest).toMatchObject({ width: 320, height: 180 });
    expect(packets.length).toBeGreaterThanOrEqual(49);
    expect(packets.length).toBeLessThanOrEqual(52);
    expect(packets.every(({ time }, index) => ms(time) === ms(first(made.get('v180'))) + 40 * index)).toBe(true);
  });

  // Two segments of the grid, from somewhere in the first.
  it.each([24, 25, 30_000 / 1001, 30, 50, 60, 15, 10])(
    'makes fragments of so many pictures each, at %f a second, beginning anew at each key',
    async (frameRate) => {
      const renditions = [rung('v180', 320, 180, frameRate), rung('v90', 160, 90, frameRate)];
      const facts = { ...withVideo({ frameRate }), audio: null };
      const part = partLength({ partMs: 200, frameRate, steady: true });
      const rate = frameRate === 30_000 / 1001 ? '30000/1001' : String(frameRate);
      const feed = { startSec: 2.6, seconds: 3.9, rate, tracks: 'video' } as const;
      const perSegment = (await made(feed, { renditions, facts, part, startMs: 2600 })).map(([, bytes]) => {
        const groups: number[][] = [];
        for (const { samples, key } of fragmentsOf(bytes)) {
          if (key) groups.push([]);
          groups.at(-1)?.push(samples);
        }
        return groups;
      });
      const [first = []] = perSegment;
      expect(perSegment).toEqual([first, first]);
      expect(first).toHaveLength(3);
      for (const counts of first) {
        expect(new Set(counts.slice(0, -1))).toEqual(new Set([part.frames]));
        expect(counts.at(-1)).toBeLessThanOrEqual(part.frames);
      }
      const sum = (counts: readonly number[] = []) => counts.reduce((a, b) => a + b, 0);
      expect(Math.abs(sum(first[1]) - 2 * frameRate)).toBeLessThanOrEqual(1);
    },
  );

  it('fills slots without a picture, and leaves out all but the first picture of a slot', async () => {
    // Every third picture, then all of them, then twice as many.
    const filter = "select='if(lt(t,1),not(mod(n,6)),if(lt(t,2),not(mod(n,2)),1))'";
    const once = { renditions: [rung('v180', 320, 180)], facts: { ...smallFacts, audio: null } };
    const renditions = await encode({ seconds: 3, rate: '50', filter, tracks: 'video' }, once);
    const times = renditions.get('v180')?.packets.map(({ time }) => ms(time)) ?? [];
    expect(times).toEqual(Array.from({ length: times.length }, (_, index) => 10_000 + 40 * index));
    expect(Math.abs(times.length - 75)).toBeLessThanOrEqual(1);
  });

  it('makes a fragment of every four frames of sound', async () => {
    const sound = { renditions: [audio], facts: { ...smallFacts, video: null } };
    const [[, bytes] = ['', Buffer.alloc(0)]] = await made({ seconds: 1, tracks: 'audio' }, sound);
    const fragments = fragmentsOf(bytes);
    expect(fragments.length).toBeGreaterThan(11);
    expect(new Set(fragments.slice(0, -1).map(({ samples }) => samples))).toEqual(new Set([4]));
  });

  it('encodes sound alone', async () => {
    const made = await encode(
      { seconds: 2, tracks: 'audio' },
      { renditions: [audio], facts: { ...smallFacts, video: null } },
    );
    expect(made.get('audio')).toMatchObject({ codec: 'aac' });
    // One AAC frame of priming by the publisher's encoder, and one by ours.
    expect(ms(first(made.get('audio')))).toBeCloseTo(10_000 - 42, -1);
    expect(made.get('audio')?.frames).toBeGreaterThan(90);
  });

  it('turns an upright picture and squares its pixels, to the ladder that fits', async () => {
    const facts: SourceFacts = {
      ...withVideo({ width: 320, height: 180, rotation: 90, sampleAspectRatio: 1 }),
      audio: null,
    };
    const { video } = vodLadder(facts);
    const made = await encode({ seconds: 1, tracks: 'video' }, { facts, renditions: video });
    expect(made.get('v180')).toMatchObject({ codec: 'h264', width: 180, height: 320, sampleAspectRatio: '1:1' });
  });
});
