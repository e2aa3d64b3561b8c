import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import * as tus from 'tus-js-client';
import { describe, expect, it } from 'vitest';
import {
  ask,
  create,
  idOf,
  metadataOf,
  noise,
  offsetOf,
  patch,
  problem,
  startPatch,
  until,
  usingBoxes,
} from './upload.fixture.js';

const open = usingBoxes();

describe('an upload', () => {
  it('goes from creation to the store and the catalog', async () => {
    const box = await open();
    const bytes = noise(300_000);
    const answer = await ask(box.url, 'POST', {
      'upload-length': String(bytes.length),
      'upload-metadata': metadataOf({ title: 'Ein Film', description: 'kurz', filename: 'film.mp4' }),
    });
    expect(answer.status).toBe(201);
    const location = answer.headers.get('location') ?? '';
    expect(location).toMatch(/^\/v1\/videos\/upload\/v_[a-z0-9]{16}$/);
    const videoId = idOf(location);
    expect(box.catalog.entries).toMatchObject([
      {
        type: 'video.created',
        data: { videoId, uploaderId: 'alice', title: 'Ein Film', description: 'kurz', sizeBytes: 300_000 },
      },
    ]);
    const url = new URL(location, box.url).href;
    expect((await patch(url, 0, bytes.subarray(0, 100_000))).headers.get('upload-offset')).toBe('100000');
    expect(await offsetOf(url)).toBe(100_000);
    expect((await patch(url, 100_000, bytes.subarray(100_000))).status).toBe(204);
    expect(box.catalog.types()).toEqual(['video.created', 'video.uploaded']);
    expect(box.catalog.entries[1]).toMatchObject({ data: { videoId, rawKey: `raw/${videoId}`, sizeBytes: 300_000 } });
    expect(readFileSync(box.raw.pathOf(`raw/${videoId}`)).equals(bytes)).toBe(true);
    expect(readdirSync(box.stagingDir)).toEqual([`${videoId}.json`]);
    // The client that lost the last answer learns that it is done.
    const head = await ask(url, 'HEAD');
    expect([head.headers.get('upload-offset'), head.headers.get('upload-length')]).toEqual(['300000', '300000']);
    expect(head.headers.get('upload-metadata')).toContain('filename');
  });

  it('is copied into a store that cannot adopt a file', async () => {
    const box = await open({ adopting: false });
    const bytes = noise(70_000);
    const url = await create(box, bytes.length);
    await patch(url, 0, bytes);
    expect(readFileSync(box.raw.pathOf(`raw/${idOf(url)}`)).equals(bytes)).toBe(true);
    expect(readdirSync(box.stagingDir)).toEqual([`${idOf(url)}.json`]);
  });

  it('may bring its bytes with the creation', async () => {
    const box = await open();
    const headers = { 'upload-length': '5', 'content-type': 'application/offset+octet-stream' };
    const answer = await ask(box.url, 'POST', headers, 'video');
    expect([answer.status, answer.headers.get('upload-offset')]).toEqual([201, '5']);
    expect(box.catalog.types()).toEqual(['video.created', 'video.uploaded']);
  });

  it('takes the name of the file where there is no title', async () => {
    const box = await open();
    await create(box, 5, { filename: 'C:\\films\\my.holiday.mp4' });
    expect(box.catalog.entries[0]).toMatchObject({ data: { title: 'my.holiday' } });
  });

  it('is resumed by tus-js-client after an abort', async () => {
    const box = await open();
    const bytes = noise(3_000_000);
    const options = {
      endpoint: box.url,
      headers: { authorization: 'Bearer alice' },
      uploadSize: bytes.length,
      retryDelays: [200],
    };
    // A slow source: the abort comes in the middle of the body.
    const slow = Readable.from(
      (async function* () {
        for (let at = 0; at < bytes.length; at += 100_000) {
          yield bytes.subarray(at, at + 100_000);
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      })(),
      { objectMode: false },
    );
    const url = await new Promise<string>((resolve, reject) => {
      const first = new tus.Upload(slow as never, {
        ...options,
        chunkSize: 2_500_000,
        onError: reject,
        onProgress: (sent) => {
          if (sent > 1_000_000) void first.abort().then(() => resolve(first.url ?? ''));
        },
      });
      first.start();
    });
    await new Promise<void>((resolve, reject) => {
      new tus.Upload(bytes as never, {
        ...options,
        uploadUrl: url,
        onError: reject,
        onSuccess: () => resolve(),
      }).start();
    });
    expect(readFileSync(box.raw.pathOf(`raw/${idOf(url)}`)).equals(bytes)).toBe(true);
  });

  it('is deleted by its owner, its video with it', async () => {
    const box = await open();
    const url = await create(box, 100);
    expect((await ask(url, 'DELETE')).status).toBe(204);
    expect(box.catalog.types()).toEqual(['video.created', 'video.deleted']);
    expect(readdirSync(box.stagingDir)).toEqual([]);
    expect((await ask(url, 'HEAD')).status).toBe(404);
  });

  it('is let go of while bytes come when its video is deleted', async () => {
    const box = await open();
    const url = await create(box, 1000);
    startPatch(url, 1000, noise(100));
    await until(() => statSync(join(box.stagingDir, idOf(url))).size === 100);
    await box.uploads.discard(idOf(url));
    expect(readdirSync(box.stagingDir)).toEqual([]);
    expect((await ask(url, 'HEAD')).status).toBe(404);
    await box.uploads.discard('v_never-there');
  });

  it('whose video is deleted meanwhile leaves nothing behind', async () => {
    const box = await open();
    const url = await create(box, 4);
    box.catalog.videos.delete(idOf(url));
    expect(await problem(await patch(url, 0, 'film'))).toMatchObject({ status: 410, title: 'The video was deleted' });
    expect(readdirSync(box.stagingDir)).toEqual([]);
    expect(await box.raw.head(`raw/${idOf(url)}`)).toBeNull();
  });
});

describe('bounds', () => {
  it('expires an upload that nobody goes on with, and not one that still grows', async () => {
    const box = await open({ expireAfterMs: 60_000, sweepEveryMs: 30 });
    const [stale, fresh] = [await create(box, 100), await create(box, 100)];
    for (const url of [stale, fresh]) {
      const file = join(box.stagingDir, `${idOf(url)}.json`);
      const record = JSON.parse(readFileSync(file, 'utf8'));
      writeFileSync(file, JSON.stringify({ ...record, since: Date.now() - 120_000 }));
    }
    utimesSync(join(box.stagingDir, idOf(stale)), new Date(), new Date(Date.now() - 120_000));
    await box.kill();
    const next = await open({
      directory: box.directory,
      catalog: box.catalog,
      expireAfterMs: 60_000,
      sweepEveryMs: 30,
    });
    await until(() => next.catalog.types().includes('video.deleted'));
    expect([...next.catalog.videos.keys()]).toEqual([idOf(fresh)]);
    expect((await ask(`${next.url}/${idOf(stale)}`, 'HEAD')).status).toBe(404);
    expect((await patch(`${next.url}/${idOf(fresh)}`, 0, noise(10))).status).toBe(204);
  });

  it('bounds the unfinished uploads of a user and of the box', async () => {
    const box = await open({ uploadsPerUserMax: 1, uploadsMax: 2 });
    const begin = (who: string) => ask(box.url, 'POST', { 'upload-length': '9' }, undefined, who);
    expect((await begin('alice')).status).toBe(201);
    expect(await problem(await begin('alice'))).toMatchObject({
      status: 429,
      detail: '1 of your uploads are unfinished.',
    });
    expect((await begin('bob')).status).toBe(201);
    expect(await problem(await begin('carol'))).toMatchObject({
      status: 429,
      detail: '2 uploads are unfinished on this box.',
    });
  });

  it('answers 507 on a full disk, tells the true offset, and goes on when there is room', async () => {
    const box = await open();
    const url = await create(box, 200_000);
    const path = join(box.stagingDir, idOf(url));
    rmSync(path);
    symlinkSync('/dev/full', path);
    expect(await problem(await patch(url, 0, noise(200_000)))).toMatchObject({
      status: 507,
      title: 'The disk is full',
    });
    expect(await offsetOf(url)).toBe(0);
    rmSync(path);
    writeFileSync(path, '');
    expect((await patch(url, 0, noise(200_000))).status).toBe(204);
  });

  it('refuses a file that the disk has no room for at once', async () => {
    const box = await open({ maxBytes: Number.MAX_SAFE_INTEGER });
    const answer = await ask(box.url, 'POST', { 'upload-length': '900000000000000' });
    expect(await problem(answer)).toMatchObject({
      status: 507,
      detail: expect.stringContaining('900000000000000 bytes'),
    });
  });

  it('reads a body that is refused far enough for the sender to see the answer', async () => {
    const box = await open();
    const answer = await patch(`${box.url}/v_00000000000000aa`, 0, noise(8_000_000));
    expect(await problem(answer)).toMatchObject({ status: 404 });
  });

  it('lets one request write at a time; a HEAD takes over from a writer that hangs', async () => {
    const box = await open();
    const url = await create(box, 1000);
    const hanging = startPatch(url, 1000, noise(100));
    await until(() => statSync(join(box.stagingDir, idOf(url))).size === 100);
    expect(await problem(await patch(url, 100, noise(900)))).toMatchObject({
      status: 423,
      title: 'The upload is busy',
    });
    expect(await offsetOf(url)).toBe(100);
    expect((await patch(url, 100, noise(900))).status).toBe(204);
    hanging.destroy();
  });

  it('refuses when it is closing, and cuts what is in flight', async () => {
    const box = await open();
    const url = await create(box, 1000);
    const sending = startPatch(url, 1000, noise(100));
    const cut = once(sending, 'error');
    await until(() => statSync(join(box.stagingDir, idOf(url))).size === 100);
    await box.uploads.close();
    await cut;
    expect(await problem(await ask(box.url, 'POST', { 'upload-length': '9' }))).toMatchObject({ status: 503 });
  });
});
