/**
 * Finds out what each GPU can do by doing it: a second of a live 720p30 rung, by the very command that live broadcasts run.
 * ffmpeg lists encoders and decoders that hardware or driver do not have.
 */
import type { LadderCodec, VideoRendition } from '../media/rendition.js';
import type { SourceFacts } from '../media/source-facts.js';
import type { Log } from '../telemetry/log.js';
import type { EncodePath } from './encode-path.js';
import { liveCommand } from './ffmpeg-command.js';
import { FIRST_OUTPUT_FD, runFfmpeg, runTool } from './ffmpeg-process.js';
import type { Gpu, GpuApi, GpuProbe, GpuReport } from './hardware-report.js';
import { partLength } from './part-length.js';

export interface ProbeOptions {
  readonly log: Log;
  /** Default `ffmpeg` from PATH. */
  readonly binary?: string;
  readonly signal?: AbortSignal;
}

const CODECS: readonly LadderCodec[] = ['h264', 'hevc', 'av1'];
const DEADLINE_MS = 20_000;
const RATE = 30;
/** Of a second's 30: an encoder may hold back a few at the end. */
const PICTURES_MIN = 25;

/** One probe after another: side by side they would take each other's slots. */
export async function probeGpu(gpu: Gpu, samples: Samples, options: ProbeOptions): Promise<GpuReport> {
  const probes: GpuProbe[] = [];
  for (const api of apisOf(gpu)) {
    for (const codec of CODECS) {
      if (options.signal?.aborted) break;
      probes.push(await tryEncode(gpu, api, codec, samples, options));
    }
    for (const codec of CODECS) {
      if (options.signal?.aborted) break;
      const encodes = probes.some((probe) => probe.api === api && probe.codec === 'h264' && probe.usable);
      probes.push(await tryDecode(gpu, api, codec, encodes, samples, options));
    }
  }
  return { gpu, probes };
}

/** Quick Sync is Intel's; VA-API is for all whose driver speaks it. */
export function apisOf({ vendor, cudaIndex, renderNode }: Gpu): GpuApi[] {
  if (cudaIndex !== null) return ['cuda'];
  if (renderNode === null) return [];
  return vendor === 'intel' ? ['qsv', 'vaapi'] : ['vaapi'];
}

/** A second of each codec as a feed; null where this ffmpeg cannot make it. */
export type Samples = Readonly<Record<LadderCodec, Buffer | null>>;

const SAMPLE_ENCODERS: Readonly<Record<LadderCodec, readonly (readonly string[])[]>> = {
  h264: [['libx264', '-preset', 'ultrafast']],
  hevc: [['libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error']],
  av1: [
    ['libsvtav1', '-preset', '12'],
    ['libaom-av1', '-cpu-used', '8', '-usage', 'realtime'],
  ],
};

export async function makeSamples(options: ProbeOptions): Promise<Samples> {
  const made = { h264: null, hevc: null, av1: null } as Record<LadderCodec, Buffer | null>;
  for (const codec of CODECS) {
    for (const encoder of SAMPLE_ENCODERS[codec]) made[codec] ??= await makeSample(encoder, options);
  }
  return made;
}

async function makeSample(
  encoder: readonly string[],
  { log, binary = 'ffmpeg' }: ProbeOptions,
): Promise<Buffer | null> {
  const picture = ['-f', 'lavfi', '-i', `testsrc2=size=1280x720:rate=${RATE}:duration=1`];
  const coding = ['-pix_fmt', 'yuv420p', '-c:v', ...encoder, '-g', String(RATE)];
  const args = ['-v', 'error', '-nostdin', ...picture, ...coding, '-f', 'matroska', '-live', '1', 'pipe:1'];
  const outcome = await runTool(binary, args, { log, timeoutMs: DEADLINE_MS, nice: 10 });
  return outcome.ok && outcome.stdout.length > 0 ? outcome.stdout : null;
}

function tryEncode(gpu: Gpu, api: GpuApi, codec: LadderCodec, samples: Samples, options: ProbeOptions) {
  const path = probePath(gpu, api, false);
  return tryPath({ api, does: 'encode', codec }, path, samples.h264, { source: 'h264', rung: codec }, options);
}

/** Without an encoder a GPU of CUDA's may still decode for the CPU's; for the others there is no such path. */
function tryDecode(
  gpu: Gpu,
  api: GpuApi,
  codec: LadderCodec,
  encodes: boolean,
  samples: Samples,
  options: ProbeOptions,
): Promise<GpuProbe> {
  const what = { api, does: 'decode', codec } as const;
  if (!encodes && api !== 'cuda') return Promise.resolve(failed(what, 'it does not encode'));
  const path: EncodePath = encodes ? probePath(gpu, api, true) : { kind: 'nvdec', gpu: gpu.cudaIndex ?? 0 };
  return tryPath(what, path, samples[codec], { source: codec, rung: 'h264' }, options);
}

function probePath({ cudaIndex, renderNode }: Gpu, api: GpuApi, decodes: boolean): EncodePath {
  if (api === 'cuda') return { kind: 'nvenc', gpu: cudaIndex ?? 0, decodes };
  return { kind: api, device: renderNode ?? '', decodes };
}

type Tried = Pick<GpuProbe, 'api' | 'does' | 'codec'>;

const failed = (what: Tried, message: string): GpuProbe => ({ ...what, usable: false, speed: 0, message });

async function tryPath(
  what: Tried,
  path: EncodePath,
  sample: Buffer | null,
  codecs: { source: LadderCodec; rung: LadderCodec },
  options: ProbeOptions,
): Promise<GpuProbe> {
  if (sample === null) return failed(what, `this ffmpeg cannot make ${codecs.source} to try it with`);
  const started = performance.now();
  const { args } = probeCommand(path, codecs.source, codecs.rung);
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
  const { log, binary = 'ffmpeg' } = options;
  const run = runFfmpeg(args, { log, binary, signal, stdin: 'pipe', outputs: 1, stallMs: DEADLINE_MS / 2 });
  run.outputs[0]?.on('error', () => {}).resume();
  run.stdin?.end(sample);
  const outcome = await run.done;
  if (!outcome.ok) return failed(what, outcome.message);
  if (outcome.frames < PICTURES_MIN) return failed(what, `it made ${outcome.frames} of ${RATE} pictures`);
  const speed = Math.round(1e4 / (performance.now() - started)) / 10;
  return { ...what, usable: true, speed, message: '' };
}

/** The live command of one 720p30 rung on that path. */
export function probeCommand(path: EncodePath, source: LadderCodec, codec: LadderCodec) {
  const facts: SourceFacts = { video: { ...PROBED_SOURCE, codec: source }, audio: null };
  const rung: VideoRendition = { ...PROBED_RUNG, ...(codec === 'h264' ? {} : { codec }) };
  const part = partLength({ partMs: 200, frameRate: RATE, steady: true });
  const where = { startMs: 0, timelineOffsetSec: 10, segmentSec: 2, part, firstOutputFd: FIRST_OUTPUT_FD };
  return liveCommand({ renditions: [rung], facts, path, ...where });
}

const SIZE = { width: 1280, height: 720, frameRate: RATE };
const PROBED_SOURCE = { ...SIZE, rotation: 0, sampleAspectRatio: 1, interlaced: false, hdr: false } as const;
const PROBED_RUNG = { ...SIZE, kind: 'video', id: 'v720', bitrate: 3_000_000, maxBitrate: 3_750_000 } as const;
