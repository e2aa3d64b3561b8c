import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type VodEntry, VodLibrary } from './vod-library.js';

const entry: VodEntry = { videoId: 'v_1', durationSec: 1, renditions: [], posterKey: null, complete: true };

describe('VodLibrary', () => {
  it('asks once for all who ask meanwhile, and remembers', async () => {
    let asked = 0;
    const library = new VodLibrary({
      video: async () => {
        asked += 1;
        await sleep(5);
        return entry;
      },
    });
    await Promise.all(Array.from({ length: 20 }, () => library.video('v_1')));
    expect(await library.video('v_1')).toBe(entry);
    expect(asked).toBe(1);
    library.forget('v_1');
    await library.video('v_1');
    expect(asked).toBe(2);
  });

  it('does not remember a failure, nor an answer from before it was told to forget', async () => {
    let asked = 0;
    const library = new VodLibrary({
      video: async () => {
        asked += 1;
        if (asked === 1) throw new Error('the catalog is closed');
        await sleep(5);
        return asked === 2 ? entry : null;
      },
    });
    await expect(library.video('v_1')).rejects.toThrow('closed');
    const stale = library.video('v_1');
    library.forget('v_1');
    expect(await library.video('v_1')).toBeNull();
    await stale;
    expect(await library.video('v_1')).toBeNull();
  });
});
