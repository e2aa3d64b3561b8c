import { expect, it } from 'vitest';
import { layoutOf } from './thumbnail-sheets.js';
import { ThumbnailShelf } from './thumbnail-shelf.js';

const layout = layoutOf({ width: 160, height: 90 }, 1);
const media = () => Promise.resolve({ media: Buffer.from('media'), layout, apartSec: 10 });

it('makes a picture once, however many ask, and one at a time', async () => {
  let [made, now, most] = [0, 0, 0];
  const shelf = new ThumbnailShelf(async () => {
    made += 1;
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setTimeout(resolve, 5));
    now -= 1;
    return Buffer.from('jpeg');
  });
  const asked = ['a', 'b', 'a', 'c', 'b'].map((key) => shelf.get(key, media));
  expect((await Promise.all(asked)).map(String)).toEqual(Array(5).fill('jpeg'));
  expect(String(await shelf.get('a', media))).toBe('jpeg');
  expect([made, most]).toEqual([3, 1]);
});

it('goes on after a failure, and does not keep what came to nothing', async () => {
  const answers = [null, new Error('gone'), Buffer.from('jpeg')];
  const shelf = new ThumbnailShelf(() => {
    const answer = answers.shift() ?? null;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  });
  expect(await shelf.get('a', media)).toBeNull();
  await expect(shelf.get('a', media)).rejects.toThrow('gone');
  expect(String(await shelf.get('a', media))).toBe('jpeg');
});

it('refuses when too many wait', async () => {
  let go: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const shelf = new ThumbnailShelf(() => gate.then(() => null));
  const asked = Array.from({ length: 64 }, (_, at) => shelf.get(`${at}`, media));
  await expect(shelf.get('one more', media)).rejects.toMatchObject({ code: 'origin.busy' });
  go();
  await Promise.all(asked);
  await shelf.close();
});
