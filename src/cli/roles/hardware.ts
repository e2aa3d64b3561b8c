import { join } from 'node:path';
import { messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { GpuFleet } from '../../transcode/gpu-fleet.js';
import { GpuTelemetry } from '../../transcode/gpu-telemetry.js';
import { learnHardware, stillWorks } from '../../transcode/hardware-inventory.js';
import type { Settings } from '../config-schema.js';

/**
 * The box's GPUs for live broadcasts: empty until `learn` has found out what they can do, and where that is switched off.
 */
export interface Hardware {
  readonly fleet: GpuFleet;
  /** Never fails: what is not learned is not used. */
  learn(signal: AbortSignal): Promise<void>;
  close(): void;
}

export function openHardware(options: { settings: Settings; folder: string; log: Log; metrics: Metrics }): Hardware {
  const { settings, folder, log, metrics } = options;
  const { ffmpeg: binary, hardware } = settings.transcode;
  const fleet = new GpuFleet({ log, probe: (report) => stillWorks(report, { log, binary }) });
  let telemetry: GpuTelemetry | null = null;
  return {
    fleet,
    async learn(signal) {
      if (hardware === 'off') return;
      try {
        const report = await learnHardware({ log, binary, signal, file: join(folder, 'hardware.json') });
        if (signal.aborted || report.gpus.length === 0) return;
        fleet.learn(report);
        telemetry = new GpuTelemetry({ log, metrics, fleet });
        telemetry.start(report.gpus.some(({ gpu }) => gpu.vendor === 'nvidia'));
      } catch (error) {
        if (!signal.aborted) log.warn({ reason: messageOf(error) }, 'what the GPUs can do was not found out');
      }
    },
    close: () => telemetry?.stop(),
  };
}
