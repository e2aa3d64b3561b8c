import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Codec, DecoderConfig, Frame, TrackKind } from '../../media/frame.js';
import type { SourceFacts } from '../../media/source-facts.js';
import { readAdts } from '../adts.js';
import { lengthPrefixed, splitAnnexB } from '../annex-b.js';
import { encode, PICTURE, TONE } from '../codecs.fixture.js';
import { hevcNalType } from '../hevc-config.js';
import { ParameterSets } from '../parameter-sets.js';
import { readTrackFacts } from '../source-facts.js';
import { LiveWriter } from './live-writer.js';
import { recordClip } from './recorded-clip.fixture.js';

const SECONDS = '2';
const encoders = spawnSync('ffmpeg', ['-v', 'error', '-encoders'], { encoding: 'utf8' }).stdout;

/** The real ffmpeg's digest of every picture and sample that it decodes from these bytes. */
async function decoded(file: Buffer, ...args: string[]): Promise<{ digest: string; errors: string }> {
  const run = promisify(execFile)('ffmpeg', ['-v', 'warning', '-i', 'pipe:0', ...args, '-f', 'framemd5', 'pipe:1']);
  run.child.stdin?.on('error', () => {});
  run.child.stdin?.end(file);
  const { stdout, stderr } = await run;
  const digest = stdout.split('\n').filter((line) => !line.startsWith('#'));
  return { digest: digest.map((line) => line.split(',').slice(4).join()).join('\n'), errors: stderr };
}

function factsOf(...configs: readonly DecoderConfig[]): SourceFacts {
  const facts: { -readonly [Key in keyof SourceFacts]: SourceFacts[Key] } = { video: null, audio: null };
  for (const config of configs) {
    const verdict = readTrackFacts(config);
    if (!verdict.ok) throw new Error(verdict.message);
    if (verdict.facts.track === 'video') facts.video = verdict.facts.facts;
    else facts.audio = verdict.facts.facts;
  }
  return facts;
}

function write(configs: readonly DecoderConfig[], frames: readonly Frame[]): Buffer {
  const writer = new LiveWriter(configs, factsOf(...configs));
  return Buffer.concat([writer.header(), ...frames.flatMap((frame) => writer.block(frame))]);
}

const YUV = ['-pix_fmt', 'yuv420p'];
const VIDEO: [string, Codec, string[]][] = [
  ['libx264', 'h264', ['-preset', 'ultrafast', '-g', '25', ...YUV]],
  ['libx265', 'hevc', ['-preset', 'ultrafast', '-x265-params', 'log-level=none:keyint=25', ...YUV]],
  ['libaom-av1', 'av1', ['-cpu-used', '8', '-usage', 'realtime', '-g', '25', ...YUV]],
  ['libsvtav1', 'av1', ['-preset', '12', '-g', '25', '-svtav1-params', 'pred-struct=1', ...YUV]],
  ['libvpx', 'vp8', ['-deadline', 'realtime', '-cpu-used', '8', '-g', '25', ...YUV]],
  ['libvpx-vp9', 'vp9', ['-deadline', 'realtime', '-cpu-used', '8', '-g', '25', ...YUV]],
  ['libvpx-vp9', 'vp9', ['-deadline', 'realtime', '-cpu-used', '8', '-pix_fmt', 'yuv444p10le']],
];
const AUDIO: [string, Codec, string[]][] = [
  ['aac', 'aac', ['-ac', '2']],
  ['libopus', 'opus', ['-ac', '2']],
  ['libopus', 'opus', ['-ac', '6', '-mapping_family', '1']],
  ['libmp3lame', 'mp3', ['-ar', '44100']],
];

describe.each(VIDEO)('%s (%s) %#', (encoder, codec, args) => {
  it.runIf(encoders.includes(encoder))('comes out of the feed picture by picture, with its facts', async () => {
    const clip = await recordClip('video', codec, ...PICTURE, '-t', SECONDS, '-c:v', encoder, ...args);
    const facts = factsOf(clip.config).video;
    expect(facts).toMatchObject({ codec, width: 160, height: 90, sampleAspectRatio: 1, hdr: false });
    const [feed, original] = await Promise.all([decoded(write([clip.config], clip.frames)), decoded(clip.file)]);
    expect(feed.errors).toBe('');
    expect(feed.digest.split('\n').length).toBeGreaterThanOrEqual(50);
    expect(feed.digest).toBe(original.digest);
  });
});

describe.each(AUDIO)('%s (%s) %#', (encoder, codec, args) => {
  it.runIf(encoders.includes(encoder))('comes out of the feed sample by sample, at its time', async () => {
    const clip = await recordClip('audio', codec, ...TONE, '-t', SECONDS, '-c:a', encoder, ...args);
    const feed = write([clip.config], clip.frames);
    const [ours, original] = await Promise.all([decoded(feed), decoded(clip.file)]);
    expect(ours.errors).toBe('');
    expect(ours.digest.split('\n').length).toBeGreaterThan(70);
    const same = ours.digest.split('\n').filter((line, at) => line === original.digest.split('\n')[at]);
    // The last frame's padding is told by ffmpeg's file alone.
    expect(same.length).toBeGreaterThan(original.digest.split('\n').length - 4);
  });
});

/** Frames out of a raw stream, as a transport stream or RTP carries it. */
async function fromAnnexB(codec: 'h264' | 'hevc', ...args: string[]): Promise<[DecoderConfig | null, Frame[], Buffer]> {
  const file = await encode(codec, ...PICTURE, '-t', SECONDS, ...args, '-bf', '0', ...YUV);
  const sets = new ParameterSets(codec);
  const frames: Frame[] = [];
  let config: DecoderConfig | null = null;
  let unit: Buffer[] = [];
  const finish = () => {
    const taken = sets.take(unit);
    config = taken.config ?? config;
    const time = frames.length * 40;
    const data = lengthPrefixed(taken.picture);
    if (data.length > 0)
      frames.push({ track: 'video', codec, dts: time, pts: time, timescale: 1000, key: taken.key, data });
    unit = [];
  };
  for (const nal of splitAnnexB(file)) {
    if (codec === 'h264' ? ((nal[0] ?? 0) & 0x1f) === 9 : hevcNalType(nal) === 35) finish();
    unit.push(nal);
  }
  finish();
  return [config, frames, file];
}

describe('a stream without a container', () => {
  it.each<['h264' | 'hevc', string[]]>([
    ['h264', ['-c:v', 'libx264', '-preset', 'ultrafast', '-x264-params', 'aud=1:keyint=25']],
    ['hevc', ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:aud=1:keyint=25:bframes=0']],
  ])('of %s comes out whole, its parameter sets in the config alone', async (codec, args) => {
    const [config, frames, file] = await fromAnnexB(codec, ...args);
    if (config === null) throw new Error('no parameter sets');
    const [feed, original] = await Promise.all([decoded(write([config], frames)), decoded(file, '-r', '25')]);
    expect(feed).toEqual(original);
    expect(frames.filter(({ key }) => key)).toHaveLength(2);
  });

  it('of AAC comes out whole', async () => {
    const file = await encode('adts', ...TONE, '-t', SECONDS, '-c:a', 'aac');
    const run = readAdts(file);
    const config: DecoderConfig = { track: 'audio', codec: 'aac', data: run?.config ?? Buffer.alloc(0) };
    const frames = (run?.frames ?? []).map((data, at): Frame => {
      const time = Math.round((at * 1024) / 48);
      return { track: 'audio', codec: 'aac', dts: time, pts: time, timescale: 1000, key: true, data };
    });
    const [feed, original] = await Promise.all([decoded(write([config], frames)), decoded(file)]);
    expect(feed).toEqual(original);
  });
});

describe('times', () => {
  it('of Opus beside pictures agree, its pre-skip taken off', async () => {
    const sound = await recordClip('audio', 'opus', ...TONE, '-t', '1', '-c:a', 'libopus');
    const pictures = await recordClip('video', 'vp8', ...PICTURE, '-t', '1', '-c:v', 'libvpx', '-deadline', 'realtime');
    const frames = [...pictures.frames, ...sound.frames].sort((one, other) => one.dts - other.dts);
    const file = write([pictures.config, sound.config], frames);
    const run = promisify(execFile)('ffprobe', ['-v', 'error', '-show_packets', '-of', 'json', 'pipe:0']);
    run.child.stdin?.end(file);
    const { packets } = JSON.parse((await run).stdout) as { packets: { codec_type: string; pts_time: string }[] };
    const times = (kind: TrackKind) =>
      packets
        .filter(({ codec_type }) => codec_type === kind)
        .map(({ pts_time }) => Math.round(Number(pts_time) * 1000));
    expect(times('video')).toEqual(pictures.frames.map(({ pts }) => pts));
    expect(times('audio')).toEqual(sound.frames.map(({ pts }) => pts));
  });
});

describe('a block', () => {
  it('holds what it was given, whatever the size, with and without something before it', () => {
    const config: DecoderConfig = { track: 'audio', codec: 'mp3', data: Buffer.from('fffb0400', 'hex') };
    const size = fc.oneof(fc.nat(300), fc.nat(20_000), fc.constantFrom(122, 123, 1020, 1024, 1025, 16_378, 16_379));
    fc.assert(
      fc.property(size, fc.option(fc.nat(200)), (length, prefixLength) => {
        const writer = new LiveWriter([config], factsOf(config));
        const data = Buffer.alloc(length, 7);
        const prefix = prefixLength === null ? null : Buffer.alloc(prefixLength, 9);
        const frame: Frame = { track: 'audio', codec: 'mp3', dts: 0, pts: 0, timescale: 1000, key: true, data };
        writer.block(frame);
        const block = Buffer.concat(writer.block({ ...frame, dts: 21, pts: 21 }, prefix));
        const body = Buffer.concat([Buffer.from('82001580', 'hex'), prefix ?? Buffer.alloc(0), data]);
        expect(block[0]).toBe(0xa3);
        expect(block.subarray(block.length - body.length).equals(body)).toBe(true);
        const sizeBytes = block.length - body.length - 1;
        const told = block.readUIntBE(1, sizeBytes) - 2 ** (7 * sizeBytes);
        expect(told).toBe(body.length);
      }),
    );
  });
});
