import { closeSync, writeSync } from 'node:fs';
import koffi from 'koffi';
import { expect, it } from 'vitest';
import { CommandLines } from './command-lines.js';
import type { ListenerCommand } from './listener-messages.js';

const drop = (key: string): ListenerCommand => ({ kind: 'keys', drop: [key], put: [] });
const line = (command: ListenerCommand) => Buffer.from(`${JSON.stringify(command)}\n`);

/** Its ends to read and to write, neither of which blocks; Linux's number for that. */
function openPipe(): [number, number] {
  const ends = Buffer.alloc(8);
  if (koffi.load(null).func('int pipe2(_Out_ uint8_t *, int)')(ends, 0o4000) !== 0) throw new Error('no pipe');
  return [ends.readInt32LE(0), ends.readInt32LE(4)];
}

it('takes commands however they are cut', () => {
  const taken: ListenerCommand[] = [];
  const lines = new CommandLines((command) => taken.push(command));
  const all = [drop('one'), drop('zwölf'), drop('three')];
  const bytes = Buffer.concat(all.map(line));
  for (let at = 0; at < bytes.length; at += 7) lines.push(bytes.subarray(at, at + 7));
  expect(taken).toEqual(all);
});

it('gives up on what is no command, and on one without an end', () => {
  const lines = new CommandLines(() => {});
  expect(() => lines.push(Buffer.from('hello\n'))).toThrow();
  const endless = new CommandLines(() => {});
  expect(() => {
    for (let sent = 0; sent < 20; sent++) endless.push(Buffer.alloc(100_000, 'x'));
  }).toThrow('too long');
});

it.runIf(process.platform === 'linux')(
  'catches up with what has been written, all of it, and waits for nothing',
  () => {
    const [out, into] = openPipe();
    const taken: ListenerCommand[] = [];
    const lines = new CommandLines((command) => taken.push(command));
    lines.catchUp(out);
    expect(taken).toEqual([]);
    const half = line(drop('half'));
    lines.push(half.subarray(0, 9));
    writeSync(into, half.subarray(9));
    writeSync(into, line(drop('k'.repeat(50_000))));
    lines.catchUp(out);
    expect(taken).toEqual([drop('half'), drop('k'.repeat(50_000))]);
    closeSync(into);
    lines.catchUp(out);
    closeSync(out);
  },
);
