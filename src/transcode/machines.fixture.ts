/**
 * What probing finds on several machines. The lists of cards are as nvidia-smi and the kernel print them; what each card's
 * probes answer follows its maker's tables of what the chip has (NVIDIA's H100 has decoders and no encoder).
 */
import type { LadderCodec } from '../media/rendition.js';
import { joinGpus, parseNvidiaList, type RenderNode } from './gpu-list.js';
import type { Gpu, GpuApi, GpuProbe, HardwareReport } from './hardware-report.js';

const FFMPEG = '5.1.9-0+deb12u1';

const node = (name: string, vendor: string, pci: string): RenderNode => {
  return { path: `/dev/dri/${name}`, vendor, pci, kernel: '6.1.0-30-amd64' };
};

type Codecs = readonly LadderCodec[];

/** Every probe of one interface; those named are usable. */
function probes(api: GpuApi, encodes: Codecs, decodes: Codecs, speed = 6): GpuProbe[] {
  const all: Codecs = ['h264', 'hevc', 'av1'];
  const probe = (does: GpuProbe['does'], codec: LadderCodec, usable: boolean): GpuProbe => {
    return { api, does, codec, usable, speed: usable ? speed : 0, message: usable ? '' : 'ffmpeg exited with code 1' };
  };
  return [
    ...all.map((codec) => probe('encode', codec, encodes.includes(codec))),
    ...all.map((codec) => probe('decode', codec, decodes.includes(codec))),
  ];
}

const one = ([gpu]: readonly Gpu[], found: readonly GpuProbe[]): HardwareReport => {
  return { ffmpeg: FFMPEG, gpus: gpu === undefined ? [] : [{ gpu, probes: found }] };
};

const H100 = '0, GPU-3b1f3c55-1111-2222-3333-444455556666, NVIDIA H100 80GB HBM3, 550.90.07, 00000000:19:00.0\n';
const RTX = '0, GPU-8d0a8f1e-aaaa-bbbb-cccc-ddddeeeeffff, NVIDIA GeForce RTX 4070, 550.90.07, 00000000:01:00.0\n';

export const MACHINES = {
  /** Data centre: NVDEC, no NVENC. */
  h100: one(joinGpus(parseNvidiaList(H100), []), probes('cuda', [], ['h264', 'hevc', 'av1'])),
  /** Consumer card with the newest NVENC, beside a processor without graphics. */
  rtx: one(
    joinGpus(parseNvidiaList(RTX), [node('renderD128', '0x10de', '0000:01:00.0')]),
    probes('cuda', ['h264', 'hevc', 'av1'], ['h264', 'hevc', 'av1'], 12),
  ),
  /** Processor graphics with both interfaces; no AV1 encoder. */
  intel: one(joinGpus([], [node('renderD128', '0x8086', '0000:00:02.0')]), [
    ...probes('qsv', ['h264', 'hevc'], ['h264', 'hevc'], 4),
    ...probes('vaapi', ['h264', 'hevc'], ['h264', 'hevc'], 4),
  ]),
  /** An AMD card whose driver decodes HEVC badly, and encodes it too slowly. */
  amd: one(joinGpus([], [node('renderD129', '0x1002', '0000:03:00.0')]), [
    ...probes('vaapi', ['h264'], ['h264'], 5),
    ...probes('vaapi', ['hevc'], [], 1.2),
  ]),
  none: { ffmpeg: FFMPEG, gpus: [] },
} as const satisfies Record<string, HardwareReport>;
