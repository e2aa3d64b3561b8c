import { describe, expect, it } from 'vitest';
import type { VideoRendition } from '../media/rendition.js';
import type { EncodePath } from './encode-path.js';
import { type LiveCommandOptions, liveCommand } from './ffmpeg-command.js';
import { joinGpus, parseNvidiaList } from './gpu-list.js';
import { apisOf, probeCommand } from './gpu-probes.js';
import { parseReadings } from './gpu-telemetry.js';
import { readReport } from './hardware-inventory.js';
import { describeGpu, type GpuReport, goodCodecs, gpuPath, type HardwareReport } from './hardware-report.js';
import { smallFacts, smallVideo } from './live.fixture.js';
import { MACHINES } from './machines.fixture.js';
import { partLength } from './part-length.js';

const gpuOf = (machine: HardwareReport): GpuReport => {
  const [first] = machine.gpus;
  if (first === undefined) throw new Error('no GPU in this machine');
  return first;
};

const rung = (height: number, codec?: 'hevc' | 'av1'): VideoRendition => ({
  ...{ kind: 'video', id: `v${height}`, width: (height * 16) / 9, height, frameRate: 30 },
  ...{ bitrate: 3_000_000, maxBitrate: 3_750_000 },
  ...(codec === undefined ? {} : { codec }),
});
const facts = { ...smallFacts, video: { ...smallVideo, width: 1280, height: 720, frameRate: 30 } };

const command = (path: EncodePath | null, more: Partial<LiveCommandOptions> = {}): string =>
  liveCommand({
    ...{
      renditions: [rung(720), rung(360)],
      facts,
      startMs: 0,
      timelineOffsetSec: 10,
      segmentSec: 2,
      part: partLength({ partMs: 200, frameRate: 30, steady: true }),
      firstOutputFd: 3,
    },
    path: path ?? { kind: 'software' },
    ...more,
  }).args.join(' ');

const input = '-copyts -f matroska -probesize 32768 -analyzeduration 200000 -reinit_filter:v 0 -noautorotate';
const onGrid =
  "settb=1/90000,select='if(isnan(prev_selected_t),gte(round(t*30/1),0),gt(round(t*30/1),round(prev_selected_t*30/1)))'," +
  "setpts='if(eq(N,0),0.000000000,round(T*30/1)/(30/1))/TB'";
const rates = '-bf 0 -g 240 -b:v 3000000 -maxrate 3750000 -bufsize 3750000';

describe('the way through each machine', () => {
  it('of H100: decoded and scaled there, encoded on the CPU', () => {
    const path = gpuPath(gpuOf(MACHINES.h100), { codec: 'h264' }, [{}, {}]);
    expect(path).toEqual({ kind: 'nvdec', gpu: 0 });
    const line = command(path);
    expect(line).toContain(
      `${input} -threads 1 -hwaccel cuda -hwaccel_device 0 -hwaccel_output_format cuda -i pipe:0 -filter_complex ` +
        `[0:v:0]${onGrid},scale_cuda=1280:720:format=yuv420p,setsar=1,split[made0][below0];` +
        '[made0]hwdownload,format=yuv420p[out0];' +
        '[below0]scale_cuda=640:360:format=yuv420p,setsar=1[made1];[made1]hwdownload,format=yuv420p[out1] ',
    );
    expect(line).toContain(
      '-c:v libx264 -preset veryfast -tune zerolatency -profile:v high -threads 4 -sc_threshold 0',
    );
    expect(gpuPath(gpuOf(MACHINES.h100), { codec: 'vp8' }, [{}])).toBeNull();
    expect(gpuPath(gpuOf(MACHINES.h100), { codec: 'h264' }, [{ codec: 'hevc' }])).toBeNull();
  });

  it('of RTX: all of it there, in any codec', () => {
    const path = gpuPath(gpuOf(MACHINES.rtx), { codec: 'h264' }, [{}, { codec: 'av1' }]);
    expect(path).toEqual({ kind: 'nvenc', gpu: 0, decodes: true });
    const line = command(path, { renditions: [rung(720), rung(360, 'hevc')] });
    expect(line).toContain(
      '-threads 1 -hwaccel cuda -hwaccel_device 0 -hwaccel_output_format cuda -i pipe:0 -filter_complex ' +
        `[0:v:0]${onGrid},scale_cuda=1280:720:format=yuv420p,setsar=1,split[out0][below0];` +
        '[below0]scale_cuda=640:360:format=yuv420p,setsar=1[out1] ',
    );
    const nvenc = '-preset p4 -tune ll -rc vbr';
    const keys = '-no-scenecut 1 -forced-idr 1 -delay 0';
    expect(line).toContain(`-c:v h264_nvenc ${nvenc} -profile:v high ${keys} ${rates} -force_key_frames`);
    expect(line).toContain(`-c:v hevc_nvenc ${nvenc} -profile:v main ${keys} ${rates} -tag:v hvc1 -force_key_frames`);
  });

  it('of Intel: Quick Sync, in the codecs that it has', () => {
    const path = gpuPath(gpuOf(MACHINES.intel), { codec: 'hevc' }, [{}, {}]);
    expect(path).toEqual({ kind: 'qsv', device: '/dev/dri/renderD128', decodes: true });
    const line = command(path, { facts: { ...facts, video: { ...facts.video, codec: 'hevc' } } });
    expect(line).toContain(
      '-init_hw_device qsv=hw,child_device=/dev/dri/renderD128 -filter_hw_device hw -hwaccel qsv -hwaccel_output_format qsv ' +
        '-c:v hevc_qsv -i pipe:0 -filter_complex ' +
        `[0:v:0]${onGrid},vpp_qsv=w=1280:h=720:format=nv12,setsar=1,split[out0][below0];` +
        '[below0]vpp_qsv=w=640:h=360:format=nv12,setsar=1[out1] ',
    );
    expect(line).toContain(
      `-c:v h264_qsv -preset veryfast -profile:v high -look_ahead 0 -async_depth 1 -forced_idr 1 ${rates}`,
    );
    expect(goodCodecs(gpuOf(MACHINES.intel))).toEqual(['hevc']);
    expect(gpuPath(gpuOf(MACHINES.intel), { codec: 'h264' }, [{ codec: 'av1' }])).toBeNull();
  });

  it('of AMD: VA-API; a source that it does not decode is uploaded', () => {
    const path = gpuPath(gpuOf(MACHINES.amd), { codec: 'h264' }, [{}]);
    expect(path).toEqual({ kind: 'vaapi', device: '/dev/dri/renderD129', decodes: true });
    expect(command(path)).toContain(
      '-threads 1 -hwaccel vaapi -hwaccel_device /dev/dri/renderD129 -hwaccel_output_format vaapi -i pipe:0 ' +
        `-filter_complex [0:v:0]${onGrid},scale_vaapi=w=1280:h=720:format=nv12,setsar=1,`,
    );
    const uploads = gpuPath(gpuOf(MACHINES.amd), { codec: 'vp8' }, [{}]);
    expect(uploads).toMatchObject({ decodes: false });
    expect(command(uploads)).toContain(
      '-vaapi_device /dev/dri/renderD129 -thread_type slice -threads 2 -i pipe:0 -filter_complex ' +
        `[0:v:0]${onGrid},format=yuv420p,scale=1280:720,setsar=1,split[made0][below0];` +
        '[made0]format=nv12,hwupload[out0];[below0]scale=640:360,setsar=1[made1];[made1]format=nv12,hwupload[out1] ',
    );
    // It encodes HEVC, but not well.
    expect(goodCodecs(gpuOf(MACHINES.amd))).toEqual([]);
  });

  it('of none: the CPU', () => {
    expect(MACHINES.none.gpus).toEqual([]);
    expect(command(null)).not.toMatch(/hwaccel|device|cuda|vaapi|qsv/);
  });

  it.each<[string, Partial<typeof facts.video>]>([
    ['has to be turned', { rotation: 90, width: 720, height: 1280 }],
    ['gets bars', { width: 960 }],
  ])('of a picture that %s goes through the CPU to the encoder', (_, more) => {
    const source = { ...facts, video: { ...facts.video, ...more } };
    const nvenc = command({ kind: 'nvenc', gpu: 1, decodes: true }, { facts: source });
    expect(nvenc).toMatch(/-thread_type slice -threads 2 -i pipe:0 .*format=yuv420p,scale=.*-c:v h264_nvenc .*-gpu 1 /);
    expect(nvenc).not.toContain('hwaccel');
    expect(command({ kind: 'nvdec', gpu: 1 }, { facts: source })).not.toMatch(/cuda|hwdownload/);
    expect(command({ kind: 'qsv', device: '/dev/dri/renderD128', decodes: true }, { facts: source })).toMatch(
      /-init_hw_device qsv=hw.*hwupload=extra_hw_frames=64/,
    );
  });

  it('of an interlaced picture deinterlaces there', () => {
    const interlaced = { facts: { ...facts, video: { ...facts.video, interlaced: true } } };
    expect(command({ kind: 'nvdec', gpu: 0 }, interlaced)).toContain('[0:v:0]yadif_cuda=mode=send_frame');
    const path = { kind: 'vaapi', device: '/dev/dri/renderD128', decodes: true } as const;
    expect(command(path, interlaced)).toContain('[0:v:0]deinterlace_vaapi=rate=frame:auto=1,settb');
  });

  it("beside a source that is passed through keeps the source's times and keys", () => {
    const line = command({ kind: 'nvenc', gpu: 0, decodes: true }, { keys: 'source' });
    expect(line).toContain('[0:v:0]scale_cuda=1280:720:format=yuv420p,setsar=1,split');
    expect(line).toMatch(/-enc_time_base 1:90000 .*-force_key_frames source /);
  });
});

describe('the cards of a box', () => {
  it('are read from nvidia-smi, whatever else it prints', () => {
    const csv = '1, GPU-a, NVIDIA L4, 535.1, 00000000:3B:00.0\nNo devices were found\n\n, , \n';
    expect(parseNvidiaList(csv)).toEqual([
      { index: 1, uuid: 'GPU-a', name: 'NVIDIA L4', driver: '535.1', pci: '0000:3b:00.0' },
    ]);
  });

  it('that nvidia-smi and the kernel both know are one; a node that nothing drives is left out', () => {
    const cards = parseNvidiaList('0, GPU-a, NVIDIA L4, 535.1, 00000000:3B:00.0');
    const kernel = '6.1';
    const gpus = joinGpus(cards, [
      { path: '/dev/dri/renderD128', vendor: '0x10de', pci: '0000:3b:00.0', kernel },
      { path: '/dev/dri/renderD129', vendor: '0x10de', pci: '0000:5e:00.0', kernel },
      { path: '/dev/dri/renderD130', vendor: '0x1af4', pci: '0000:00:03.0', kernel },
    ]);
    expect(gpus.map(({ id, vendor, renderNode }) => [id, vendor, renderNode])).toEqual([
      ['GPU-a', 'nvidia', '/dev/dri/renderD128'],
      ['0000:00:03.0', 'other', '/dev/dri/renderD130'],
    ]);
    expect(gpus.map(apisOf)).toEqual([['cuda'], ['vaapi']]);
  });

  it('are described in a line', () => {
    expect(describeGpu(gpuOf(MACHINES.h100))).toBe('NVIDIA H100 80GB HBM3: NVDEC h264 hevc av1');
    expect(describeGpu(gpuOf(MACHINES.rtx))).toMatch(/RTX 4070: NVENC h264 hevc av1, NVDEC h264 hevc av1$/);
    expect(describeGpu({ ...gpuOf(MACHINES.amd), probes: [] })).toMatch(/nothing that ffmpeg can use/);
  });

  it('are tried by the command that live runs', () => {
    const { args } = probeCommand({ kind: 'vaapi', device: '/dev/dri/renderD128', decodes: false }, 'h264', 'hevc');
    expect(args.join(' ')).toMatch(/scale=1280:720.*hwupload.*-c:v hevc_vaapi/);
  });

  it('are tried again when ffmpeg, a card or its driver is another', () => {
    const kept: unknown = JSON.parse(JSON.stringify(MACHINES.rtx));
    const gpus = MACHINES.rtx.gpus.map(({ gpu }) => gpu);
    expect(readReport(kept, MACHINES.rtx.ffmpeg, gpus)).toEqual(MACHINES.rtx);
    expect(readReport(kept, '6.1', gpus)).toBeNull();
    expect(readReport(kept, MACHINES.rtx.ffmpeg, [])).toBeNull();
    const updated = gpus.map((gpu) => ({ ...gpu, driver: '999.1' }));
    expect(readReport(kept, MACHINES.rtx.ffmpeg, updated)).toBeNull();
    for (const nonsense of [null, 3, [], { ffmpeg: MACHINES.rtx.ffmpeg, gpus: [null] }]) {
      expect(readReport(nonsense, MACHINES.rtx.ffmpeg, gpus)).toBeNull();
    }
  });

  it('say how they are; what a card does not say is left out', () => {
    const csv = 'GPU-a, 35, 12, 7, 1024, 12282, 61\nGPU-b, 0, [N/A], [Not Supported], 512, 81559, 33\nERR!\n';
    const [first, second, ...others] = parseReadings(csv);
    expect(first).toEqual({
      ...{ id: 'GPU-a', busy: 0.35, encoder: 0.12, decoder: 0.07 },
      ...{ memoryUsedBytes: 2 ** 30, memoryBytes: 12_282 * 2 ** 20, celsius: 61 },
    });
    expect(second).toMatchObject({ id: 'GPU-b', busy: 0, encoder: null, decoder: null, celsius: 33 });
    expect(others).toEqual([]);
  });
});
