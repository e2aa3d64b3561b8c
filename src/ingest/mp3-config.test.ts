import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foreignBytes } from './codecs.fixture.js';
import { readMp3Header, writeMp3Config } from './mp3-config.js';

describe('an MP3 frame header', () => {
  it.each<[string, string, object | null]>([
    ['MPEG-1, 44.1 kHz, joint stereo', 'fffb9064', { sampleRate: 44_100, channels: 2, samples: 1152 }],
    ['MPEG-1, 48 kHz, mono, with a CRC', 'fffa94c4', { sampleRate: 48_000, channels: 1, samples: 1152 }],
    ['MPEG-2, 24 kHz', 'fff38464', { sampleRate: 24_000, channels: 2, samples: 576 }],
    ['MPEG-2.5, 8 kHz', 'ffe308c4', { sampleRate: 8_000, channels: 1, samples: 576 }],
    ['a reserved rate', 'fffb9c64', null],
    ['a reserved version', 'ffeb9064', null],
    ['layer II', 'fffd9064', null],
    ['no sync', '7ffb9064', null],
    ['cut short', 'fffb90', null],
  ])('%s', (_, hex, expected) => {
    expect(readMp3Header(Buffer.from(hex, 'hex'))).toEqual(expected);
  });

  it('makes one config of frames that differ in bit rate, padding and joint stereo', () => {
    const configs = ['fffb9064', 'fffba200', 'fffae264'].map((hex) => writeMp3Config(Buffer.from(hex, 'hex')));
    expect(new Set(configs.map((config) => config?.toString('hex')))).toEqual(new Set(['fffa0000']));
    expect(writeMp3Config(Buffer.from('fffb90c4', 'hex'))?.toString('hex')).toBe('fffa00c0');
  });

  it('never throws, whatever it claims, and its config says the same', () => {
    fc.assert(
      fc.property(foreignBytes(Buffer.from('fffb9064', 'hex')), (bytes) => {
        const config = writeMp3Config(bytes);
        if (config !== null) expect(readMp3Header(config)).toEqual(readMp3Header(bytes));
      }),
      { numRuns: 2000 },
    );
  });
});
