#!/usr/bin/env node
import { Command } from 'commander';
import { addChannelCommands } from './commands/channel.js';
import { addDemoCommand } from './commands/demo.js';
import { addDoctorCommand } from './commands/doctor.js';
import { addRunCommands } from './commands/run.js';
import { addStatusCommand } from './commands/status.js';
import { addTopCommand } from './commands/top.js';
import { addUserCommands } from './commands/user.js';
import { addVideoCommands } from './commands/video.js';
import { describeError } from './output.js';
import { version } from './version.js';

/** The command line. Each command registers itself and imports what is heavy only when it runs. */
const program = new Command('headwater')
  .description(
    'Self-hosted streaming: push or upload, transcode, package once, serve HLS and DASH through an edge cache.',
  )
  .version(version)
  // What follows a command is that command's: `edge` and `edge purge` both have --data.
  .enablePositionalOptions()
  .showHelpAfterError('(headwater --help lists the commands)');

for (const add of [
  addRunCommands,
  addChannelCommands,
  addVideoCommands,
  addUserCommands,
  addDemoCommand,
  addStatusCommand,
  addTopCommand,
  addDoctorCommand,
]) {
  add(program);
}

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
