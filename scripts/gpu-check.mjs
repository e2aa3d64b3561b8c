// Tries on the GPUs of this machine what live broadcasts would run on them, and prints a verdict for each.
//   node scripts/gpu-check.mjs [ffmpeg]     needs a built tree (npm run build)
// Exit code 0: every GPU does what its kind should, or there is none; 1: one does nothing that ffmpeg can use.
import { silentLog } from '../dist/telemetry/log.js';
import { learnHardware } from '../dist/transcode/hardware-inventory.js';
import { describeGpu } from '../dist/transcode/hardware-report.js';

const [binary = 'ffmpeg'] = process.argv.slice(2);
const report = await learnHardware({ log: silentLog, binary, file: null });
console.log(`ffmpeg ${report.ffmpeg}`);
if (report.gpus.length === 0) {
  console.log('no GPU here: nvidia-smi names none, and there is no /dev/dri/renderD*. Nothing was tried.');
  process.exit(0);
}
for (const found of report.gpus) {
  const { gpu, probes } = found;
  console.log(`\n${describeGpu(found)}`);
  console.log(`  ${gpu.id}, driver ${gpu.driver || 'unknown'}, ${gpu.renderNode ?? `CUDA ${gpu.cudaIndex}`}`);
  for (const { api, does, codec, usable, speed, message } of probes) {
    const verdict = usable ? `yes, ${speed} x real time` : `no   ${message}`;
    console.log(`  ${api.padEnd(6)} ${does.padEnd(7)} ${codec.padEnd(5)} ${verdict}`);
  }
}
const idle = report.gpus.filter(({ probes }) => !probes.some(({ usable }) => usable));
process.exitCode = idle.length > 0 ? 1 : 0;
