/**
 * What `nvidia-smi` says of its GPUs, as metrics, beside what the fleet knows.
 *
 * Lifetime: `start` where there is an NVIDIA GPU → a look every `EVERY_MS`, never two at once → `stop`, or given up by itself
 * after `FAILURES_MAX` failed looks in a row.
 */
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { runTool } from './ffmpeg-process.js';
import type { GpuFleet } from './gpu-fleet.js';

const EVERY_MS = 15_000;
const TIMEOUT_MS = 10_000;
const FAILURES_MAX = 5;

const FIELDS = [
  'uuid',
  'utilization.gpu',
  'utilization.encoder',
  'utilization.decoder',
  'memory.used',
  'memory.total',
  'temperature.gpu',
] as const;

/** Null where the card does not say. */
export interface GpuReading {
  readonly id: string;
  /** 0 to 1. */
  readonly busy: number | null;
  readonly encoder: number | null;
  readonly decoder: number | null;
  readonly memoryUsedBytes: number | null;
  readonly memoryBytes: number | null;
  readonly celsius: number | null;
}

export class GpuTelemetry {
  readonly #log: Log;
  readonly #fleet: GpuFleet;
  readonly #gauges;
  #timer: NodeJS.Timeout | null = null;
  #looking = false;
  #failures = 0;

  constructor(options: { log: Log; metrics: Metrics; fleet: GpuFleet }) {
    const { metrics } = options;
    this.#log = options.log;
    this.#fleet = options.fleet;
    const gauge = (name: string, help: string) => metrics.gauge(name, help, ['gpu']);
    this.#gauges = {
      busy: gauge('gpu_busy_ratio', 'How much of the time a GPU computes, 0 to 1.'),
      encoder: gauge(
        'gpu_encoder_busy_ratio',
        'How much of the time its encoders work, 0 to 1. Near 1: give it fewer channels.',
      ),
      decoder: gauge('gpu_decoder_busy_ratio', 'How much of the time its decoders work, 0 to 1.'),
      memoryUsedBytes: gauge('gpu_memory_used_bytes', 'Memory of a GPU in use, by anybody.'),
      memoryBytes: gauge('gpu_memory_bytes', 'Memory of a GPU.'),
      celsius: gauge(
        'gpu_temperature_celsius',
        'Temperature of a GPU. It slows down above 80 to 90: look at its cooling.',
      ),
      active: gauge('gpu_encodes', 'Live encodes (on a GPU without encoders: decodes) that this box runs on a GPU.'),
      limit: gauge('gpu_encodes_limit', 'How many at once a GPU was found to carry; absent until it refuses one.'),
      quarantined: gauge('gpu_quarantined', '1 while a GPU that failed twice is left alone: look at its driver.'),
    };
  }

  start(hasNvidia: boolean): void {
    this.#showFleet();
    this.#timer ??= setInterval(() => {
      this.#showFleet();
      if (hasNvidia && this.#failures < FAILURES_MAX && !this.#looking) void this.#look();
    }, EVERY_MS).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    this.#looking = true;
    const args = [`--query-gpu=${FIELDS.join(',')}`, '--format=csv,noheader,nounits'];
    const outcome = await runTool('nvidia-smi', args, { log: this.#log, timeoutMs: TIMEOUT_MS });
    this.#looking = false;
    this.#failures = outcome.ok ? 0 : this.#failures + 1;
    for (const reading of outcome.ok ? parseReadings(outcome.stdout.toString()) : []) this.#show(reading);
    if (outcome.ok || this.#failures < FAILURES_MAX) return;
    this.#log.warn({ reason: outcome.message }, 'nvidia-smi no longer answers: its metrics stand still');
  }

  #show({ id: gpu, ...figures }: GpuReading): void {
    for (const name of ['busy', 'encoder', 'decoder', 'memoryUsedBytes', 'memoryBytes', 'celsius'] as const) {
      const figure = figures[name];
      if (figure !== null) this.#gauges[name].set({ gpu }, figure);
    }
  }

  #showFleet(): void {
    for (const { id: gpu, active, limit, quarantined } of this.#fleet.status()) {
      this.#gauges.active.set({ gpu }, active);
      this.#gauges.quarantined.set({ gpu }, quarantined ? 1 : 0);
      if (limit !== null) this.#gauges.limit.set({ gpu }, limit);
    }
  }
}

/** Cards without a figure write `[N/A]` or `[Not Supported]`. */
export function parseReadings(csv: string): GpuReading[] {
  return csv.split('\n').flatMap((line) => {
    const [id = '', ...rest] = line.split(',').map((field) => field.trim());
    if (!id.startsWith('GPU-')) return [];
    const figures = rest.map((field) => (/^\d+(?:\.\d+)?$/.test(field) ? Number(field) : null));
    const ratio = (index: number) => (figures[index] == null ? null : (figures[index] ?? 0) / 100);
    const mebibytes = (index: number) => (figures[index] == null ? null : (figures[index] ?? 0) * 2 ** 20);
    return [
      {
        id,
        busy: ratio(0),
        encoder: ratio(1),
        decoder: ratio(2),
        memoryUsedBytes: mebibytes(3),
        memoryBytes: mebibytes(4),
        celsius: figures[5] ?? null,
      },
    ];
  });
}
