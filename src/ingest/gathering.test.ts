import { describe, expect, it } from 'vitest';
import type { Frame } from '../media/frame.js';
import { Gathering } from './gathering.js';

const picture = (ms: number, key: boolean): Frame => {
  return { track: 'video', codec: 'h264', dts: ms, pts: ms, timescale: 1000, key, data: Buffer.alloc(10) };
};
const wanted = { frameRate: false, keyInterval: true };

describe('the distance of keys', () => {
  it('is not that of the several keys with which a browser begins', () => {
    const gathering = new Gathering();
    for (let ms = 0; ms < 2000; ms += 50) gathering.add(picture(ms, ms <= 100));
    expect(gathering.keyIntervalMs).toBeNull();
    expect(gathering.ready({}, wanted)).toBe(false);
    gathering.add(picture(2000, true));
    expect(gathering.keyIntervalMs).toBe(2000);
    expect(gathering.ready({}, wanted)).toBe(true);
  });

  it('is short where every picture is a key', () => {
    const gathering = new Gathering();
    for (let ms = 0; ms < 1000; ms += 40) gathering.add(picture(ms, true));
    expect(gathering.keyIntervalMs).toBe(200);
  });
});
