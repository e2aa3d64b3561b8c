/**
 * The box's GPUs and who uses them now. How many encodes one takes at once nobody can ask it, so it is learned.
 *
 * Lifetime of a GPU here: unknown until the report is there → open: leases are given while its slots last; without a limit
 * until it refuses one, then what it carried at that moment is the limit, and after `TRY_MORE_MS` one lease beyond it is tried →
 * two failures without a success between them: in quarantine, each time for longer; then `probe` decides → open.
 * The clock is passed in.
 */
import type { LadderCodec, VideoRendition } from '../media/rendition.js';
import type { VideoFacts } from '../media/source-facts.js';
import type { Log } from '../telemetry/log.js';
import { type EncodePath, encodesOnDevice } from './encode-path.js';
import type { FeedRunEnd } from './feed-run.js';
import { type GpuReport, goodCodecs, gpuPath, type HardwareReport } from './hardware-report.js';

/** What a run was given of a GPU. `release` once at its end; before that `failed`, where it failed. */
export interface EncoderLease {
  readonly path: EncodePath;
  /** Tells the fleet; true where the GPU is to blame and another place may do better. */
  failed(end: FeedRunEnd): boolean;
  release(): void;
}

export interface GpuFleetOptions {
  readonly log: Log;
  /** Ms, any steady clock; default `performance.now`. */
  readonly now?: () => number;
  /** Whether a GPU that comes out of quarantine works again. */
  readonly probe: (report: GpuReport) => Promise<boolean>;
}

interface GpuState {
  readonly report: GpuReport;
  active: number;
  /** Encodes at once; null: never refused. */
  limit: number | null;
  tryMoreAt: number;
  failures: number;
  quarantines: number;
  quarantinedUntil: number;
  probing: boolean;
}

/** For status and metrics. */
export interface GpuStatus {
  readonly name: string;
  readonly id: string;
  readonly active: number;
  readonly limit: number | null;
  readonly quarantined: boolean;
}

/** No card carries more; a bound, should none ever refuse. */
const ENCODES_MAX = 128;
const TRY_MORE_MS = 5 * 60_000;
const FAILURES_MAX = 2;
const QUARANTINE_MS = 60_000;
const QUARANTINE_MAX_MS = 30 * 60_000;
/** A run that lives this long has what it asked for. */
const WORKS_AFTER_MS = 10_000;

/** The driver or the card has no room: no fault of either. */
const REFUSED =
  /OpenEncodeSessionEx failed|out of memory|CUDA_ERROR_OUT_OF_MEMORY|NV_ENC_ERR_OUT_OF_MEMORY|Cannot allocate memory|too many (?:concurrent )?sessions|incompatible client key/i;

export class GpuFleet {
  readonly #options: Required<GpuFleetOptions>;
  #gpus: GpuState[] = [];

  constructor(options: GpuFleetOptions) {
    this.#options = { now: () => performance.now(), ...options };
  }

  /** Takes over what was found; leases that are out go on. */
  learn(report: HardwareReport): void {
    this.#gpus = report.gpus.map((found) => {
      const known = this.#gpus.find(({ report: before }) => before.gpu.id === found.gpu.id);
      const fresh = { active: 0, limit: null, tryMoreAt: 0, failures: 0, quarantines: 0, quarantinedUntil: 0 };
      return { ...fresh, probing: false, ...known, report: found };
    });
  }

  /** A GPU would encode H.264 now. */
  get hasEncoder(): boolean {
    return this.#open().some((gpu) => {
      const path = gpuPath(gpu.report, { codec: 'h264' }, [{}]);
      return path !== null && encodesOnDevice(path) && this.#hasRoom(gpu, 1);
    });
  }

  /** Codecs besides H.264 that a GPU here encodes well. */
  get codecs(): ReadonlySet<LadderCodec> {
    return new Set(this.#open().flatMap(({ report }) => goodCodecs(report)));
  }

  /** The least busy GPU that takes all of it; null: the CPU does it. */
  lease(video: Pick<VideoFacts, 'codec'>, rungs: readonly Pick<VideoRendition, 'codec'>[]): EncoderLease | null {
    const offers = this.#open().flatMap((gpu) => {
      const path = gpuPath(gpu.report, video, rungs);
      if (path === null) return [];
      const encodes = encodesOnDevice(path) ? rungs.length : 1;
      return this.#hasRoom(gpu, encodes) ? [{ gpu, path, encodes }] : [];
    });
    const helps = (path: EncodePath) => (encodesOnDevice(path) ? 0 : 1);
    const [best] = offers.sort((a, b) => helps(a.path) - helps(b.path) || a.gpu.active - b.gpu.active);
    return best === undefined ? null : this.#grant(best.gpu, best.path, best.encodes);
  }

  status(): GpuStatus[] {
    return this.#gpus.map(({ report: { gpu }, active, limit, quarantinedUntil }) => {
      return { name: gpu.name, id: gpu.id, active, limit, quarantined: quarantinedUntil > this.#options.now() };
    });
  }

  #grant(gpu: GpuState, path: EncodePath, encodes: number): EncoderLease {
    gpu.active += encodes;
    if (gpu.limit !== null && gpu.active > gpu.limit) gpu.tryMoreAt = this.#options.now() + TRY_MORE_MS;
    const grantedAt = this.#options.now();
    let settled = false;
    return {
      path,
      failed: (end) => {
        const blamed = !settled && this.#failed(gpu, encodes, end);
        settled ||= blamed;
        return blamed;
      },
      release: () => {
        if (!settled && this.#options.now() - grantedAt >= WORKS_AFTER_MS) this.#worked(gpu);
        settled = true;
        gpu.active = Math.max(0, gpu.active - encodes);
      },
    };
  }

  #worked(gpu: GpuState): void {
    gpu.failures = 0;
    gpu.quarantines = 0;
    if (gpu.limit !== null && gpu.active > gpu.limit) gpu.limit = gpu.active;
  }

  #failed(gpu: GpuState, encodes: number, { outcome, livedMs }: FeedRunEnd): boolean {
    if (outcome.ok) return false;
    const { id, name } = gpu.report.gpu;
    const carried = gpu.active - encodes;
    const isRefusal = REFUSED.test(outcome.stderr) && livedMs < WORKS_AFTER_MS;
    if (isRefusal && carried > 0) {
      gpu.limit = carried;
      gpu.tryMoreAt = this.#options.now() + TRY_MORE_MS;
      this.#options.log.info(
        { gpu: id, name, encodes: carried },
        'a GPU refused an encode: it carries no more than this',
      );
      return true;
    }
    if (!isRefusal && outcome.cause !== 'hardware' && outcome.cause !== 'stalled') return false;
    gpu.failures += 1;
    if (gpu.failures >= FAILURES_MAX) this.#quarantine(gpu, outcome.message);
    return true;
  }

  #quarantine(gpu: GpuState, reason: string): void {
    const forMs = Math.min(QUARANTINE_MAX_MS, QUARANTINE_MS * 2 ** gpu.quarantines);
    gpu.quarantines += 1;
    gpu.quarantinedUntil = this.#options.now() + forMs;
    const { id, name } = gpu.report.gpu;
    const hint =
      'Look at the driver (dmesg, nvidia-smi) and at `headwater doctor --hardware`; other GPUs and the CPU do its work.';
    this.#options.log.error({ gpu: id, name, forMs, reason, hint }, 'a GPU failed twice and is left alone for a while');
  }

  /** Those that may be used now. One whose quarantine is over is probed first, in the background. */
  #open(): GpuState[] {
    return this.#gpus.filter((gpu) => {
      if (gpu.failures < FAILURES_MAX) return true;
      if (gpu.quarantinedUntil <= this.#options.now()) void this.#probe(gpu);
      return false;
    });
  }

  async #probe(gpu: GpuState): Promise<void> {
    if (gpu.probing) return;
    gpu.probing = true;
    const works = await this.#options.probe(gpu.report).catch(() => false);
    gpu.probing = false;
    if (works) gpu.failures = 0;
    else this.#quarantine(gpu, 'it does not encode yet');
  }

  #hasRoom(gpu: GpuState, encodes: number): boolean {
    const wanted = gpu.active + encodes;
    if (wanted > ENCODES_MAX) return false;
    if (gpu.limit === null || wanted <= gpu.limit) return true;
    return this.#options.now() >= gpu.tryMoreAt && gpu.active <= gpu.limit;
  }
}
