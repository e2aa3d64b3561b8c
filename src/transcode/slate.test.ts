import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { runTool } from './ffmpeg-process.js';
import { smallFacts, smallVideo } from './live.fixture.js';
import { makeSlate } from './slate.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slate-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Report {
  streams: Record<string, unknown>[];
  packets: { codec_type: string; flags: string; pts_time: string; dts_time: string }[];
}

async function probed(slate: Buffer | null): Promise<Report> {
  const file = join(folder, 'slate.ts');
  await writeFile(file, slate ?? '');
  const args = ['-v', 'error', '-f', 'mpegts', '-show_streams', '-show_packets', '-of', 'json', file];
  const outcome = await runTool('ffprobe', args, { log: silentLog });
  if (!outcome.ok || outcome.stderr !== '') throw new Error(outcome.stderr);
  return JSON.parse(outcome.stdout.toString()) as Report;
}

const make = (facts = smallFacts, picture: string | null = null) => makeSlate(facts, { picture, log: silentLog });

describe('a slate', () => {
  it('has the size, rate and sound of the source, in closed groups of a second without reordering', async () => {
    const { streams, packets } = await probed(await make());
    const [video, audio] = streams;
    expect(video).toMatchObject({ codec_name: 'h264', profile: 'High', pix_fmt: 'yuv420p', width: 320, height: 180 });
    expect(video).toMatchObject({ r_frame_rate: '25/1', has_b_frames: 0 });
    expect(audio).toMatchObject({ codec_name: 'aac', sample_rate: '48000', channels: 2 });
    const pictures = packets.filter((packet) => packet.codec_type === 'video');
    expect(pictures).toHaveLength(50);
    expect(pictures.flatMap(({ flags }, index) => (flags.startsWith('K') ? [index] : []))).toEqual([0, 25]);
    for (const { pts_time, dts_time } of pictures) expect(pts_time).toBe(dts_time);
  });

  it('keeps odd shapes even, exact rates exact, and pixels as wide as they are', async () => {
    const video = { ...smallVideo, width: 719, height: 575, frameRate: 29.97002997, sampleAspectRatio: 16 / 11 };
    const { streams } = await probed(await make({ video, audio: null }));
    expect(streams).toHaveLength(1);
    expect(streams[0]).toMatchObject({ width: 718, height: 574, r_frame_rate: '30000/1001' });
    expect(streams[0]).toMatchObject({ sample_aspect_ratio: '16:11' });
  });

  it('is silence where the source has only sound', async () => {
    const { streams } = await probed(
      await make({ video: null, audio: { codec: 'opus', sampleRate: 44_100, channels: 1 } }),
    );
    expect(streams).toHaveLength(1);
    expect(streams[0]).toMatchObject({ codec_name: 'aac', sample_rate: '44100', channels: 1 });
  });

  it('shows a picture of any size, and does without one that is not there', async () => {
    const picture = join(folder, 'picture.png');
    const made = ['-v', 'error', '-f', 'lavfi', '-i', 'color=red:s=333x111', '-frames:v', '1', picture];
    await runTool('ffmpeg', made, { log: silentLog });
    const [shown, missing, plain] = await Promise.all([
      make(smallFacts, picture),
      make(smallFacts, '/nowhere.png'),
      make(),
    ]);
    expect((await probed(shown)).streams[0]).toMatchObject({ width: 320, height: 180, sample_aspect_ratio: '1:1' });
    expect(missing?.length).toBe(plain?.length);
    expect(shown?.equals(plain ?? Buffer.alloc(0))).toBe(false);
  });

  it('is null where none can be made', async () => {
    expect(await make({ video: { ...smallVideo, width: 40_000, height: 2 }, audio: null })).toBeNull();
    expect(await make({ video: null, audio: null })).toBeNull();
    expect(await makeSlate(smallFacts, { picture: null, binary: 'false', log: silentLog })).toBeNull();
    expect(await make({ video: null, audio: { codec: 'aac', sampleRate: 7, channels: 2 } })).toBeNull();
  });
});
