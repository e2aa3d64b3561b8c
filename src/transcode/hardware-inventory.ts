/**
 * The box's GPUs and what they were found to do: tried once, kept in a file, tried again when ffmpeg, a driver or a card is
 * another.
 *
 * Lifetime: stateless beside the file; `learnHardware` reads or makes the report, which its caller hands to the fleet.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { messageOf } from '../telemetry/failure.js';
import { listGpus } from './gpu-list.js';
import { makeSamples, type ProbeOptions, probeGpu } from './gpu-probes.js';
import { ffmpegVersion } from './hardware.js';
import { describeGpu, type Gpu, type GpuReport, type HardwareReport } from './hardware-report.js';

export interface LearnOptions extends ProbeOptions {
  /** Where the report is kept; null: nowhere, and nothing is read. */
  readonly file: string | null;
  /** Tries again whatever the file says; it is then written anew. */
  readonly fresh?: boolean;
}

/** Takes a few seconds for each GPU that has not been tried. @throws Failure of `ffmpegVersion` */
export async function learnHardware(options: LearnOptions): Promise<HardwareReport> {
  const { log, file, fresh = false } = options;
  const [{ text: ffmpeg }, gpus] = await Promise.all([ffmpegVersion(options), listGpus(log)]);
  if (gpus.length === 0) return { ffmpeg, gpus: [] };
  const kept = file === null || fresh ? null : readKept(file, ffmpeg, gpus);
  if (kept !== null) return kept;
  const samples = await makeSamples(options);
  const reports: GpuReport[] = [];
  for (const gpu of gpus) {
    const report = await probeGpu(gpu, samples, options);
    log.info({ gpu: gpu.id, found: describeGpu(report) }, 'tried what a GPU can do');
    reports.push(report);
  }
  const report = { ffmpeg, gpus: reports };
  if (file !== null && options.signal?.aborted !== true) keep(file, report, options);
  return report;
}

/** Whether a GPU that had failed encodes, or decodes, as it did. */
export async function stillWorks(known: GpuReport, options: ProbeOptions): Promise<boolean> {
  const found = await probeGpu(known.gpu, await makeSamples(options), options);
  const usable = ({ probes }: GpuReport) => probes.filter((probe) => probe.usable).length;
  return usable(found) > 0 && usable(found) >= usable(known);
}

function keep(file: string, report: HardwareReport, { log }: ProbeOptions): void {
  try {
    const draft = `${file}.new`;
    writeFileSync(draft, `${JSON.stringify(report)}\n`);
    renameSync(draft, file);
  } catch (error) {
    log.warn(
      { reason: messageOf(error) },
      'what the GPUs can do could not be kept, and is tried again at the next start',
    );
  }
}

function readKept(file: string, ffmpeg: string, gpus: readonly Gpu[]): HardwareReport | null {
  try {
    return readReport(JSON.parse(readFileSync(file, 'utf8')), ffmpeg, gpus);
  } catch {
    return null;
  }
}

/** Null unless it is of this ffmpeg and of exactly these cards with these drivers. */
export function readReport(kept: unknown, ffmpeg: string, gpus: readonly Gpu[]): HardwareReport | null {
  if (typeof kept !== 'object' || kept === null || !('ffmpeg' in kept) || !('gpus' in kept)) return null;
  if (kept.ffmpeg !== ffmpeg || !Array.isArray(kept.gpus)) return null;
  const reports = kept.gpus as GpuReport[];
  const same = (report: GpuReport, index: number) =>
    JSON.stringify(report?.gpu) === JSON.stringify(gpus[index]) && Array.isArray(report.probes);
  return reports.length === gpus.length && reports.every(same) ? { ffmpeg, gpus: reports } : null;
}
