import type { Command } from 'commander';
import { ApiClient, type BoxReference, findBox } from '../api-client.js';
import { type Output, openOutput } from '../output.js';

/** The options that every command takes which talks to a running box. */
export type BoxOptions = BoxReference & { readonly json?: boolean };

export function withBoxOptions(command: Command): Command {
  return command
    .option('--data <dir>', "the box's data folder: address and token are found there (default: ./var)")
    .option('--url <url>', "the box's web address, instead of --data")
    .option('--token <token>', 'the token to call it with')
    .option('--json', 'answer with JSON on stdout');
}

export function openBox(options: BoxOptions): { api: ApiClient; output: Output } {
  return { api: new ApiClient(findBox(options)), output: openOutput(options.json === true) };
}
