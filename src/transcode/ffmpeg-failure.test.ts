import { describe, expect, it } from 'vitest';
import { type ChildEnd, causeOf, describeEnd, lastWords } from './ffmpeg-failure.js';

const end = (more: Partial<ChildEnd>): ChildEnd => ({
  ...{ code: 1, signal: null, spawnError: null, intent: null, reason: '', stderr: '', ...more },
});
const said = (stderr: string) => end({ stderr });
const enoent = Object.assign(new Error('spawn ENOENT'), { code: 'ENOENT' });

describe('the cause', () => {
  it.each<[string, ChildEnd]>([
    ['bad-input', said('[error] pipe:0: Invalid data found when processing input')],
    ['bad-input', said('[mov @ 0x1] [error] moov atom not found\n')],
    ['bad-input', said('[fatal] Output file #0 does not contain any stream\n')],
    [
      'disk-full',
      said(
        '[error] av_interleaved_write_frame(): No space left on device\n[error] Invalid data found when processing input',
      ),
    ],
    ['hardware', said('[h264_nvenc @ 0x1] [error] OpenEncodeSessionEx failed: out of memory (10)')],
    ['hardware', said('[AVHWDeviceContext @ 0x1] [error] Cannot load libcuda.so.1')],
    ['hardware', said('[error] Device creation failed: -5.')],
    ['missing', end({ code: null, spawnError: enoent })],
    ['missing', end({ code: 127, stderr: 'setpriv: failed to execute ffmpeg: No such file or directory' })],
    ['other', end({ code: 127 })],
    ['other', end({ code: null, signal: 'SIGSEGV' })],
    ['killed', end({ code: null, signal: 'SIGKILL' })],
    ['stalled', end({ code: null, signal: 'SIGKILL', intent: 'stalled' })],
    ['stopped', end({ code: 255, intent: 'stopped', stderr: 'Invalid data found when processing input' })],
    ['other', said('')],
  ])('%s', (cause, ended) => {
    expect(causeOf(ended)).toBe(cause);
  });
});

describe('the words', () => {
  it.each<[string, ChildEnd]>([
    ['ffmpeg is not installed, or not in PATH', end({ spawnError: enoent })],
    ['ffmpeg could not be started: too many open files', end({ spawnError: new Error('too many open files') })],
    ['ffmpeg was ended: no progress for 800 ms', end({ intent: 'stalled', reason: 'no progress for 800 ms' })],
    ['ffmpeg was ended by SIGSEGV', end({ code: null, signal: 'SIGSEGV' })],
    ['ffmpeg exited with code 1: moov atom not found', said('[mov @ 0x1] [error] moov atom not found\n[info] bye\n')],
  ])('%s', (words, ended) => {
    expect(describeEnd('ffmpeg', ended)).toBe(words);
  });

  it('are the last two errors, or the last line, within a bound', () => {
    expect(lastWords('[error] first\n[error] second\n[warning] then\n[error] third\n')).toBe('second / third');
    expect(lastWords('plain\nlast line\n\n')).toBe('last line');
    expect(lastWords('')).toBe('');
    expect(lastWords('x'.repeat(5_000))).toHaveLength(300);
  });
});
