// npm run fuzz [-- --inputs N --seed N]: mutated recordings at every parser and port of ingest. The seed makes a run again.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { requireNode, requirePackages, requirePrograms, root } from './prepare.mjs';

requireNode();
requirePackages();
requirePrograms({ ffmpeg: 'ffmpeg', ffprobe: 'ffmpeg' });

const { values } = parseArgs({ options: { inputs: { type: 'string' }, seed: { type: 'string' } } });
const inputs = Number(values.inputs ?? 150_000);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
if (!(inputs > 0) || !(seed >= 0)) throw new Error('--inputs and --seed take numbers');
console.log(
  `fuzz: ${inputs} inputs of seed ${seed}; the same again: npm run fuzz -- --inputs ${inputs} --seed ${seed}`,
);

const env = { ...process.env, HEADWATER_FUZZ_INPUTS: String(inputs), HEADWATER_FUZZ_SEED: String(seed) };
const vitest = ['node_modules/vitest/vitest.mjs', 'run', 'test/fuzz', '--disable-console-intercept'];
process.exit(spawnSync(process.execPath, vitest, { cwd: root, env, stdio: 'inherit' }).status ?? 1);
