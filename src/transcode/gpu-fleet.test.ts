import { describe, expect, it } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import type { FeedRunEnd } from './feed-run.js';
import { GpuFleet } from './gpu-fleet.js';
import type { HardwareReport } from './hardware-report.js';
import { MACHINES } from './machines.fixture.js';

const MINUTE = 60_000;
const source = { codec: 'h264' };
const ladder = [{}, {}, {}];

function fleet(report: HardwareReport, works = true) {
  const clock = { ms: 0 };
  const probed: string[] = [];
  const gpus = new GpuFleet({
    log: silentLog,
    now: () => clock.ms,
    probe: async ({ gpu }) => {
      probed.push(gpu.id);
      return works;
    },
  });
  gpus.learn(report);
  return { gpus, clock, probed };
}

const failure = (stderr: string, more: Partial<FeedRunEnd> = {}): FeedRunEnd => ({
  outcome: { ok: false, cause: 'hardware', message: 'ffmpeg exited with code 1', stderr },
  ...{ feedEnded: false, bytes: 0, livedMs: 400, sinkTrouble: '', resumeMs: null },
  ...more,
});
const REFUSAL = failure('[h264_nvenc @ 0x5] OpenEncodeSessionEx failed: out of memory (10): (no details)');
const BROKEN = failure('[AVHWDeviceContext @ 0x5] cu->cuInit(0) failed -> CUDA_ERROR_UNKNOWN: unknown error');

const two: HardwareReport = {
  ...MACHINES.rtx,
  gpus: [
    ...MACHINES.rtx.gpus,
    ...MACHINES.rtx.gpus.map((each) => ({ ...each, gpu: { ...each.gpu, id: 'GPU-second', cudaIndex: 1 } })),
  ],
};

describe('a GPU', () => {
  it('is taken until it refuses; then what it carried is its limit, and the CPU does the rest', () => {
    const { gpus } = fleet(MACHINES.rtx);
    const first = gpus.lease(source, ladder);
    const second = gpus.lease(source, ladder);
    const third = gpus.lease(source, ladder);
    expect(third?.path).toEqual({ kind: 'nvenc', gpu: 0, decodes: true });
    expect(third?.failed(REFUSAL)).toBe(true);
    third?.release();
    expect(gpus.status()).toMatchObject([{ active: 6, limit: 6, quarantined: false }]);
    expect(gpus.lease(source, ladder)).toBeNull();
    expect(gpus.hasEncoder).toBe(false);
    second?.release();
    expect(gpus.lease(source, ladder)).not.toBeNull();
    first?.release();
  });

  it('is tried with one more later, and keeps it where that works', () => {
    const { gpus, clock } = fleet(MACHINES.rtx);
    const first = gpus.lease(source, ladder);
    const refused = gpus.lease(source, ladder);
    refused?.failed(REFUSAL);
    refused?.release();
    expect(gpus.lease(source, ladder)).toBeNull();
    clock.ms = 6 * MINUTE;
    const more = gpus.lease(source, ladder);
    expect(more).not.toBeNull();
    // One at a time.
    expect(gpus.lease(source, ladder)).toBeNull();
    clock.ms += MINUTE;
    more?.release();
    expect(gpus.status()).toMatchObject([{ limit: 6 }]);
    first?.release();
  });

  it('that refuses makes way for another', () => {
    const { gpus } = fleet(two);
    const paths = [1, 2, 3, 4].map(() => gpus.lease(source, ladder)?.path);
    expect(paths.map((path) => path?.kind === 'nvenc' && path.gpu)).toEqual([0, 1, 0, 1]);
  });

  it('that fails twice is left alone, probed later, and each time for longer', async () => {
    const { gpus, clock, probed } = fleet(MACHINES.rtx, false);
    for (const _ of [1, 2]) {
      const lease = gpus.lease(source, ladder);
      expect(lease?.failed(BROKEN)).toBe(true);
      lease?.release();
    }
    expect(gpus.status()).toMatchObject([{ active: 0, quarantined: true }]);
    expect(gpus.lease(source, ladder)).toBeNull();
    expect(probed).toEqual([]);
    clock.ms = MINUTE + 1;
    expect(gpus.lease(source, ladder)).toBeNull();
    await Promise.resolve();
    await Promise.resolve();
    expect(probed).toHaveLength(1);
    clock.ms = 2 * MINUTE + 2;
    expect(gpus.lease(source, ladder)).toBeNull();
    expect(probed).toHaveLength(1);
    clock.ms = 4 * MINUTE;
    gpus.lease(source, ladder);
    expect(probed).toHaveLength(2);
  });

  it('comes back when its probe works', async () => {
    const { gpus, clock } = fleet(MACHINES.rtx);
    for (const _ of [1, 2]) {
      const lease = gpus.lease(source, ladder);
      lease?.failed(BROKEN);
      lease?.release();
    }
    clock.ms = MINUTE + 1;
    expect(gpus.hasEncoder).toBe(false);
    await Promise.resolve();
    await Promise.resolve();
    expect(gpus.hasEncoder).toBe(true);
  });

  it('is not blamed for what others did', () => {
    const { gpus } = fleet(MACHINES.rtx);
    const killed = failure('', { outcome: { ok: false, cause: 'killed', message: '', stderr: '' } });
    const input = failure('', { outcome: { ok: false, cause: 'bad-input', message: '', stderr: 'Invalid data' } });
    expect(gpus.lease(source, ladder)?.failed(killed)).toBe(false);
    expect(gpus.lease(source, ladder)?.failed(input)).toBe(false);
  });

  it('that hangs is', () => {
    const { gpus } = fleet(MACHINES.rtx);
    const hung = failure('', { outcome: { ok: false, cause: 'stalled', message: '', stderr: '' }, livedMs: 50_000 });
    expect(gpus.lease(source, ladder)?.failed(hung)).toBe(true);
  });

  it('without encoders only decodes, and no ladder is planned on it', () => {
    const { gpus } = fleet(MACHINES.h100);
    expect(gpus.hasEncoder).toBe(false);
    expect(gpus.lease(source, ladder)?.path).toEqual({ kind: 'nvdec', gpu: 0 });
    expect(gpus.status()).toMatchObject([{ active: 1 }]);
  });

  it('brings its codecs', () => {
    expect(fleet(MACHINES.rtx).gpus.codecs).toEqual(new Set(['hevc', 'av1']));
    expect(fleet(MACHINES.amd).gpus.codecs).toEqual(new Set());
    expect(fleet(MACHINES.none).gpus.lease(source, ladder)).toBeNull();
  });
});
