import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ask, BASE, create, metadataOf, noise, offsetOf, patch, problem, until, usingBoxes } from './upload.fixture.js';

const open = usingBoxes();

describe('refusals', () => {
  const head = { 'upload-length': '10' };
  const offsetBytes = { 'content-type': 'application/offset+octet-stream' };
  const long = 'x'.repeat(5001);
  const cases: [
    name: string,
    method: string,
    path: string,
    headers: Record<string, string>,
    status: number,
    words: RegExp,
  ][] = [
    ['an empty file', 'POST', '', { 'upload-length': '0' }, 422, /0 bytes/],
    ['a file over the limit', 'POST', '', { 'upload-length': '67108865' }, 413, /takes up to 67108864/],
    ['no length', 'POST', '', {}, 400, /Upload-Length/],
    ['a deferred length', 'POST', '', { 'upload-defer-length': '1' }, 400, /not offered/],
    ['a negative length', 'POST', '', { 'upload-length': '-1' }, 400, /Upload-Length/],
    ['an absurd length', 'POST', '', { 'upload-length': '1e99' }, 400, /Upload-Length/],
    ['parts to be joined', 'POST', '', { ...head, 'upload-concat': 'partial' }, 400, /not offered/],
    ['metadata that is not base64', 'POST', '', { ...head, 'upload-metadata': 'title ***' }, 400, /Upload-Metadata/],
    ['a key twice', 'POST', '', { ...head, 'upload-metadata': 'title YQ==,title YQ==' }, 400, /Upload-Metadata/],
    ['a key of the prototype', 'POST', '', { ...head, 'upload-metadata': '__proto__ YQ==' }, 400, /Upload-Metadata/],
    [
      'a title too long',
      'POST',
      '',
      { ...head, 'upload-metadata': metadataOf({ title: long }) },
      400,
      /200 are allowed/,
    ],
    ['a title of no UTF-8', 'POST', '', { ...head, 'upload-metadata': 'title gYGB' }, 400, /UTF-8/],
    [
      'control characters',
      'POST',
      '',
      { ...head, 'upload-metadata': metadataOf({ title: 'a\u0007' }) },
      400,
      /control/,
    ],
    ['another tus version', 'POST', '', { ...head, 'tus-resumable': '0.2.2' }, 412, /1\.0\.0/],
    ['a GET', 'GET', '', {}, 405, /POST, OPTIONS/],
    ['a PUT on an upload', 'PUT', '/v_00000000000000aa', {}, 405, /HEAD, PATCH/],
    ['an unknown upload', 'PATCH', '/v_00000000000000aa', { ...offsetBytes, 'upload-offset': '0' }, 404, /no upload/],
    ['traversal', 'DELETE', '/..%2f..%2fetc%2fpasswd', {}, 404, /no upload/],
    ['a deeper path', 'DELETE', '/v_00000000000000aa/x', {}, 404, /no upload/],
    ['an id too long', 'DELETE', `/v_${'a'.repeat(3000)}`, {}, 404, /no upload/],
  ];
  it.each(cases)('%s', async (_name, method, path, headers, status, words) => {
    const box = await open();
    const answer = await problem(await ask(box.url + path, method, headers));
    expect(answer).toMatchObject({ status, detail: expect.stringMatching(words) });
    expect(box.catalog.entries).toEqual([]);
    expect(readdirSync(box.stagingDir)).toEqual([]);
  });

  it('of what does not fit an upload', async () => {
    const box = await open();
    const url = await create(box, 10);
    const refusal = async (headers: Record<string, string>, body = 'film') =>
      (await ask(url, 'PATCH', headers, body)).status;
    expect(await refusal({ 'upload-offset': '0', 'content-type': 'text/plain' })).toBe(415);
    expect(await refusal(offsetBytes)).toBe(400);
    expect(await refusal({ ...offsetBytes, 'upload-offset': '3' })).toBe(409);
    expect(await refusal({ ...offsetBytes, 'upload-offset': '0' }, 'longer than ten')).toBe(413);
    expect(await offsetOf(url)).toBe(0);
    expect((await patch(url, 0, noise(10))).status).toBe(204);
    expect((await patch(url, 10, 'more')).status).toBe(409);
    expect((await ask(url, 'DELETE')).status).toBe(409);
  });

  it('of whoever it does not belong to', async () => {
    const box = await open();
    const url = await create(box, 10);
    expect((await fetch(box.url, { method: 'POST', headers: { 'tus-resumable': '1.0.0', ...head } })).status).toBe(401);
    expect((await ask(box.url, 'POST', head, undefined, 'viewer')).status).toBe(403);
    expect(await problem(await ask(box.url, 'POST', head, undefined, 'expired'))).toMatchObject({
      status: 401,
      detail: 'The token has expired.',
    });
    expect(await problem(await ask(box.url, 'POST', head, undefined, 'forged'))).toMatchObject({ status: 403 });
    expect((await ask(url, 'HEAD', {}, undefined, 'bob')).status).toBe(403);
    expect((await patch(url, 0, 'x', 'bob')).status).toBe(403);
    expect((await ask(url, 'DELETE', {}, undefined, 'bob')).status).toBe(403);
    expect((await patch(url, 0, 'xy', 'operator')).status).toBe(204);
    expect(await offsetOf(url)).toBe(2);
  });

  it('leaves a creation behind whose body did not fit', async () => {
    const box = await open();
    const answer = await ask(box.url, 'POST', { ...offsetBytes, 'upload-length': '3' }, 'longer');
    expect(answer.status).toBe(413);
    await until(() => readdirSync(box.stagingDir).length === 0);
    expect(box.catalog.videos.size).toBe(0);
  });

  it('tells what it can do', async () => {
    const box = await open();
    const answer = await fetch(box.url, { method: 'OPTIONS' });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('tus-extension')).toBe('creation,creation-with-upload,termination,expiration');
    expect(answer.headers.get('tus-max-size')).toBe('67108864');
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    expect(new URL(box.url).pathname).toBe(BASE);
  });
});
