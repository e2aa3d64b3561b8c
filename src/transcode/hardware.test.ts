import { describe, expect, it } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { ffmpegVersion, measureEncodeSpeed, parseFfmpegVersion, probeEncoders } from './hardware.js';

const log = silentLog;

describe('ffmpeg version', () => {
  it.each([
    ['ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026', '5.1.9-0+deb12u1', [5, 1]],
    ['ffmpeg version n6.1.1-3ubuntu5 Copyright', 'n6.1.1-3ubuntu5', [6, 1]],
    ['ffmpeg version 7.0.2-static https://example.org', '7.0.2-static', [7, 0]],
    ['ffmpeg version 10.0 Copyright', '10.0', [10, 0]],
    ['ffmpeg version N-109000-gabcdef Copyright', 'N-109000-gabcdef', null],
  ])('%s', (line, text, release) => {
    expect(parseFfmpegVersion(`${line}\nbuilt with gcc`)).toEqual({ text, release });
  });

  it.each(['', 'avconv version 11', 'bash: ffmpeg: not found'])('is not read from %j', (output) => {
    expect(parseFfmpegVersion(output)).toBeNull();
  });

  it('is asked of the ffmpeg that is installed', async () => {
    expect((await ffmpegVersion({ log })).text).toMatch(/./);
  });

  it('fails clearly where there is no ffmpeg, or something else by that name', async () => {
    await expect(ffmpegVersion({ log, binary: 'no-such-ffmpeg' })).rejects.toMatchObject({
      code: 'transcode.ffmpeg-missing',
      hint: expect.stringContaining('apt-get install ffmpeg'),
    });
    await expect(ffmpegVersion({ log, binary: 'echo' })).rejects.toMatchObject({ code: 'transcode.ffmpeg-unusable' });
  });
});

describe('encoders', () => {
  it('are probed by a real encode', async () => {
    expect(await probeEncoders({ log })).toEqual([
      { name: 'libx264', kind: 'video', usable: true, message: '' },
      { name: 'aac', kind: 'audio', usable: true, message: '' },
    ]);
  });

  it('are unusable, with the reason, where ffmpeg is missing', async () => {
    const [first] = await probeEncoders({ log, binary: 'no-such-ffmpeg' });
    expect(first).toMatchObject({ usable: false, message: expect.stringContaining('not installed') });
  });

  it('are measured in pixels per second', async () => {
    // Any box does 320×180 at 25; none does a hundred 4K channels on its CPU.
    const speed = await measureEncodeSpeed({ log });
    expect(speed).toBeGreaterThan(320 * 180 * 25);
    expect(speed).toBeLessThan(100 * 3840 * 2160 * 60);
    await expect(measureEncodeSpeed({ log, binary: 'no-such-ffmpeg' })).rejects.toMatchObject({
      code: 'transcode.encoder-unusable',
    });
  });
});
