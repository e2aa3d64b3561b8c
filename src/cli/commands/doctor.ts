import type { Command } from 'commander';
import { type ConfigSources, loadSettings } from '../config.js';
import { openOutput } from '../output.js';

const marks = { ok: '✓', warn: '!', fail: '✗' } as const;

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('check ffmpeg, encoders, the HTTP engine, ports, disk and data folder, and say what to do')
    .option('--config <file>', 'the settings to check for')
    .option('--data <dir>', "the box's data folder (default: ./var)")
    .option(
      '--set <key=value>',
      'any setting; may be repeated',
      (value: string, before: string[]) => [...before, value],
      [],
    )
    .option('--hardware', 'try what each GPU can do, one real encode after another (seconds for each), and keep it')
    .option('--json', 'answer with JSON on stdout')
    .action(doctor);
}

interface DoctorOptions {
  readonly config?: string;
  readonly data?: string;
  readonly set: string[];
  readonly hardware?: boolean;
  readonly json?: boolean;
}

async function doctor(options: DoctorOptions): Promise<void> {
  const flags: ConfigSources['flags'] =
    options.data === undefined ? {} : { data: { flag: '--data', value: options.data } };
  const settings = loadSettings({ file: options.config, environment: process.env, sets: options.set, flags });
  const { runChecks } = await import('../checks.js');
  const checks = await runChecks(settings, { hardware: options.hardware === true });
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.map(({ name, verdict, found, todo }) => {
    const line = `${marks[verdict]} ${name.padEnd(width)}  ${found}`;
    return todo === '' ? line : `${line}\n  ${' '.repeat(width)}  → ${todo}`;
  });
  openOutput(options.json === true).answer(checks, lines.join('\n'));
  if (checks.some(({ verdict }) => verdict === 'fail')) process.exitCode = 1;
}
