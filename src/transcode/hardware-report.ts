/** What the GPUs of a box were found to do, as data, and what follows from it. Pure. */
import type { LadderCodec, VideoRendition } from '../media/rendition.js';
import type { VideoFacts } from '../media/source-facts.js';
import type { EncodePath } from './encode-path.js';

/** How ffmpeg reaches it: CUDA (NVENC and NVDEC), Quick Sync, VA-API. */
export type GpuApi = 'cuda' | 'qsv' | 'vaapi';

export interface Gpu {
  /** Unique on this box and the same after a restart: a UUID or a PCI address where there is one. */
  readonly id: string;
  readonly vendor: 'nvidia' | 'intel' | 'amd' | 'other';
  readonly name: string;
  /** Of its driver, as it says itself; empty where it does not. */
  readonly driver: string;
  /** What CUDA calls it; null without CUDA. */
  readonly cudaIndex: number | null;
  /** `/dev/dri/renderD128`; null where there is none. */
  readonly renderNode: string | null;
}

/** One thing tried. `encode`: pictures from the CPU's memory; `decode`: to pictures in the GPU's memory, and scaled there. */
export interface GpuProbe {
  readonly api: GpuApi;
  readonly does: 'encode' | 'decode';
  readonly codec: LadderCodec;
  readonly usable: boolean;
  /** Media seconds per second, of one 720p30 stream, its start included; 0 where it failed. */
  readonly speed: number;
  /** Why not; empty where usable. */
  readonly message: string;
}

export interface GpuReport {
  readonly gpu: Gpu;
  readonly probes: readonly GpuProbe[];
}

export interface HardwareReport {
  /** As `ffmpeg -version` says it. */
  readonly ffmpeg: string;
  readonly gpus: readonly GpuReport[];
}

/** A second of it, its start included, faster than this: then rungs beside it do not make it late. */
const ENCODES_WELL = 2;

const works = ({ probes }: GpuReport, api: GpuApi, does: GpuProbe['does'], codec: string, speed = 0) =>
  probes.some((probe) => {
    return probe.api === api && probe.does === does && probe.codec === codec && probe.usable && probe.speed >= speed;
  });

/** The codecs besides H.264 that this GPU encodes well. */
export function goodCodecs(report: GpuReport): LadderCodec[] {
  const codecs = ['hevc', 'av1'] as const;
  return codecs.filter((codec) => APIS.some((api) => works(report, api, 'encode', codec, ENCODES_WELL)));
}

/** In the order in which they are taken: a GPU's own interface before the general one. */
const APIS: readonly GpuApi[] = ['cuda', 'qsv', 'vaapi'];

/**
 * The best path of this GPU for a source and what is to be encoded of it: all on the GPU, else only the encoding, else (a
 * GPU without encoders) only the decoding and scaling; null where it has nothing to give.
 */
export function gpuPath(
  report: GpuReport,
  video: Pick<VideoFacts, 'codec'>,
  rungs: readonly Pick<VideoRendition, 'codec'>[],
): EncodePath | null {
  const { gpu } = report;
  const codecs = rungs.map(({ codec = 'h264' }) => codec);
  for (const api of APIS) {
    if (!codecs.every((codec) => works(report, api, 'encode', codec))) continue;
    const decodes = works(report, api, 'decode', video.codec);
    if (api !== 'cuda') return gpu.renderNode === null ? null : { kind: api, device: gpu.renderNode, decodes };
    return gpu.cudaIndex === null ? null : { kind: 'nvenc', gpu: gpu.cudaIndex, decodes };
  }
  const onlyDecodes = codecs.every((codec) => codec === 'h264') && works(report, 'cuda', 'decode', video.codec);
  return onlyDecodes && gpu.cudaIndex !== null ? { kind: 'nvdec', gpu: gpu.cudaIndex } : null;
}

/** One line per GPU, for people. */
export function describeGpu({ gpu, probes }: GpuReport): string {
  const usable = probes.filter((probe) => probe.usable);
  const words = [...new Set(usable.map(({ api, does }) => `${NAMES[api][does]}`))].map((name) => {
    const codecs = usable.filter((probe) => NAMES[probe.api][probe.does] === name).map(({ codec }) => codec);
    return `${name} ${codecs.join(' ')}`;
  });
  return `${gpu.name}: ${words.length === 0 ? 'nothing that ffmpeg can use' : words.join(', ')}`;
}

const NAMES = {
  cuda: { encode: 'NVENC', decode: 'NVDEC' },
  qsv: { encode: 'QSV encodes', decode: 'QSV decodes' },
  vaapi: { encode: 'VA-API encodes', decode: 'VA-API decodes' },
} as const;
