import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Objects } from './object-reader.js';
import { Shield } from './shield.js';

const facts = { size: 1000, etag: '"e"', lastModified: new Date(0) };

/** A store that counts how it is asked, and answers when it is let. */
function countingStore() {
  const counts = { reads: 0, at: 0, most: 0 };
  const gates: (() => void)[] = [];
  const objects: Objects = {
    head: async (key) => (key === 'absent' ? null : facts),
    get: async (key) => {
      if (key === 'broken') throw new Error('the disk is gone');
      counts.reads += 1;
      counts.at += 1;
      counts.most = Math.max(counts.most, counts.at);
      await new Promise<void>((resolve) => gates.push(resolve));
      counts.at -= 1;
      return { ...facts, body: Readable.from([Buffer.alloc(1000)]) };
    },
  };
  const letGo = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    for (const gate of gates.splice(0)) gate();
  };
  return { objects, counts, letGo };
}

describe('Shield', () => {
  it('reads an object once for all who ask meanwhile', async () => {
    const { objects, counts, letGo } = countingStore();
    const shield = new Shield({ objects });
    const asked = Array.from({ length: 50 }, () => shield.read('a'));
    await letGo();
    const answers = await Promise.all(asked);
    expect(counts.reads).toBe(1);
    expect(answers.every((answer) => answer?.kind === 'bytes' && answer.bytes.length === 1000)).toBe(true);
    const again = shield.read('a');
    await letGo();
    await again;
    expect(counts.reads).toBe(2);
  });

  it('keeps its reads of the store bounded, and refuses when too many wait', async () => {
    const { objects, counts, letGo } = countingStore();
    const shield = new Shield({ objects, readsMax: 2, waitingMax: 3 });
    const asked = ['a', 'b', 'c', 'd', 'e'].map((key) => shield.read(key));
    await expect(shield.read('f')).rejects.toMatchObject({ code: 'origin.busy' });
    const all = Promise.all(asked);
    for (let round = 0; round < 20; round += 1) await letGo();
    await all;
    expect(counts).toMatchObject({ reads: 5, most: 2 });
  });

  it('gives its place back when the store fails or has nothing', async () => {
    const { objects, letGo } = countingStore();
    const shield = new Shield({ objects, readsMax: 1 });
    await expect(shield.read('broken')).rejects.toThrow('the disk is gone');
    expect(await shield.read('absent')).toBeNull();
    const read = shield.read('a');
    await letGo();
    expect(await read).toMatchObject({ kind: 'bytes' });
  });

  it('streams what is large, and holds the place until the stream is released', async () => {
    const { objects, letGo } = countingStore();
    const shield = new Shield({ objects, readsMax: 1, sharedBytesMax: 10 });
    const large = await shield.read('a');
    if (large?.kind !== 'stream') throw new Error('a large object is streamed');
    const opening = large.open({ start: 0, end: 9 });
    await letGo();
    const opened = await opening;
    let other = false;
    const waiting = shield.read('absent').then(() => {
      other = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(other).toBe(false);
    opened?.object.body.destroy();
    opened?.release();
    opened?.release();
    await waiting;
    expect(other).toBe(true);
  });
});
