import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  create,
  idOf,
  noise,
  offsetOf,
  type openBox,
  patch,
  problem,
  startPatch,
  type UploadBox,
  until,
  usingBoxes,
} from './upload.fixture.js';

const open = usingBoxes();

describe('after a crash', () => {
  const reopen = async (box: UploadBox, options: Parameters<typeof openBox>[0] = {}) => {
    await box.kill();
    return open({ directory: box.directory, catalog: box.catalog, ...options });
  };
  const moved = (box: UploadBox, url: string) => `${box.url}/${idOf(url)}`;

  it('an upload goes on at the bytes on disk', async () => {
    const box = await open();
    const bytes = noise(500_000);
    const url = await create(box, bytes.length);
    startPatch(url, bytes.length, bytes.subarray(0, 200_000));
    await until(() => statSync(join(box.stagingDir, idOf(url))).size === 200_000);
    const next = await reopen(box);
    expect(await offsetOf(moved(next, url))).toBe(200_000);
    expect((await patch(moved(next, url), 200_000, bytes.subarray(200_000))).status).toBe(204);
    expect(readFileSync(next.raw.pathOf(`raw/${idOf(url)}`)).equals(bytes)).toBe(true);
  });

  it('a whole upload that was not moved is completed', async () => {
    const box = await open();
    const url = await create(box, 4);
    box.catalog.failing = true;
    writeFileSync(join(box.stagingDir, idOf(url)), 'film');
    const next = await reopen(box);
    next.catalog.failing = false;
    // The sweep at opening may have met the failing catalog; a HEAD completes what is whole before it answers.
    expect(await offsetOf(moved(next, url))).toBe(4);
    expect(next.catalog.types()).toEqual(['video.created', 'video.uploaded']);
  });

  it('an upload that was moved but not announced is announced at opening', async () => {
    const box = await open();
    const url = await create(box, 4);
    const path = join(box.stagingDir, idOf(url));
    writeFileSync(path, 'film');
    renameSync(path, box.raw.pathOf(`raw/${idOf(url)}`));
    const next = await reopen(box);
    await until(() => next.catalog.types().includes('video.uploaded'));
    await until(async () => (await offsetOf(moved(next, url))) === 4);
  });

  it('an upload that was announced but not marked is not announced again', async () => {
    const box = await open();
    const url = await create(box, 4);
    const record = readFileSync(join(box.stagingDir, `${idOf(url)}.json`));
    await patch(url, 0, 'film');
    writeFileSync(join(box.stagingDir, `${idOf(url)}.json`), record);
    const next = await reopen(box);
    expect(await offsetOf(moved(next, url))).toBe(4);
    expect(next.catalog.types()).toEqual(['video.created', 'video.uploaded']);
  });

  it('a creation that broke off is taken back, and strange files are removed', async () => {
    const box = await open();
    const url = await create(box, 4);
    const file = join(box.stagingDir, `${idOf(url)}.json`);
    writeFileSync(file, readFileSync(file, 'utf8').replace('"open"', '"staged"'));
    writeFileSync(join(box.stagingDir, 'v_0000000000000000'), 'no record');
    writeFileSync(join(box.stagingDir, 'v_1111111111111111.json'), '{"videoId":');
    const next = await reopen(box);
    await until(() => readdirSync(next.stagingDir).length === 0);
    expect(next.catalog.types()).toEqual(['video.created', 'video.deleted']);
  });

  it('a store that failed at the end is tried again', async () => {
    const box = await open({ sweepEveryMs: 50 });
    const url = await create(box, 4);
    box.catalog.failing = true;
    expect(await problem(await patch(url, 0, 'film'))).toMatchObject({
      status: 500,
      detail: expect.stringContaining('is kept'),
    });
    box.catalog.failing = false;
    await until(() => box.catalog.types().includes('video.uploaded'));
  });
});
