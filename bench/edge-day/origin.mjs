// The origin of a day: live windows that move on, titles, films, pages, what is nobody else's, and addresses that are not there.
//   /live/CHANNEL/RENDITION.m3u8, /live/CHANNEL/RENDITION/NUMBER.m4s    /vod/TITLE/NUMBER.m4s    /film/NUMBER.mp4
//   /page/NUMBER    /me/NAME
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

/** A live segment in this hurried day. */
const segmentMs = 1000;
const windowSegments = 6;
/** Kept for so many windows: then its addresses are gone. */
const kept = 20 * windowSegments;
export const filmBytes = 6 * 1024 * 1024;

const bytes = randomBytes(filmBytes);
const firstAt = Date.now();

/** The number of the newest segment. */
export const newest = () => kept + Math.floor((Date.now() - firstAt) / segmentMs);

/** From `least` to `most`, the same for the same name. */
function sized(name, least, most) {
  let hash = 7;
  for (const letter of name) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193) >>> 0;
  return bytes.subarray(0, least + (hash % (most - least)));
}

const kinds = [
  [/^\/live\/\w+\/\w+\.m3u8$/, () => ({ age: 1, body: playlist() })],
  [/^\/live\/(\w+)\/\w+\/(\d+)\.m4s$/, segment],
  [/^\/vod\/(\w+)\/\d+\.m4s$/, (path, title) => ({ age: 86_400, tag: title, body: sized(path, 60_000, 300_000) })],
  [/^\/film\/\d+\.mp4$/, () => ({ age: 86_400, body: bytes, etag: '"film"' })],
  [/^\/page\/\d+$/, (path) => ({ age: 5, varies: true, tag: 'pages', body: sized(path, 2000, 60_000) })],
  [/^\/me\//, () => ({ age: 0, body: bytes.subarray(0, 500) })],
];

function playlist() {
  const last = newest();
  const lines = Array.from({ length: windowSegments }, (_, n) => `#EXTINF:2,\n${last - windowSegments + 1 + n}.m4s`);
  return Buffer.from(`#EXTM3U\n#EXT-X-TARGETDURATION:2\n${lines.join('\n')}\n`);
}

function segment(path, channel, number) {
  if (Number(number) > newest() || Number(number) < newest() - kept) return null;
  return { age: 3600, tag: channel, body: sized(path, 20_000, 120_000) };
}

function answerTo(path) {
  for (const [form, answer] of kinds) {
    const found = form.exec(path);
    if (found !== null) return answer(...found);
  }
  return null;
}

/** @returns its address, and what closes it */
export async function openDayOrigin() {
  let asked = 0;
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    asked += 1;
    const found = answerTo(request.url);
    if (found === null) return response.writeHead(404, { 'cache-control': 'max-age=1', 'content-length': 0 }).end();
    respond(request, response, found);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, asked: () => asked, close };
}

function respond(request, response, { age, body, tag, varies, etag }) {
  const fields = {
    'cache-control': age === 0 ? 'private, no-store' : `public, max-age=${age}`,
    ...(tag ? { 'cache-tag': tag } : {}),
    ...(varies ? { vary: 'Accept-Language' } : {}),
    ...(etag ? { etag, 'accept-ranges': 'bytes' } : {}),
  };
  const range = etag && /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  if (!range) return response.writeHead(200, { ...fields, 'content-length': body.length }).end(body);
  const [first, last] = [Number(range[1]), Math.min(Number(range[2]), body.length - 1)];
  const place = { 'content-range': `bytes ${first}-${last}/${body.length}`, 'content-length': last - first + 1 };
  return response.writeHead(206, { ...fields, ...place }).end(body.subarray(first, last + 1));
}
