// Simulated low-latency HLS viewers of one rendition: raw sockets and hardly any parsing, so that thousands fit beside the box.
import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { until } from './box-under-test.mjs';

const retryMs = 500;
// One for all sockets: a callback is done with it before the next one reads.
const readBuffer = Buffer.allocUnsafe(256 * 1024);
const headEnd = Buffer.from('\r\n\r\n');
const lengthField = /\r\ncontent-length: *(\d+)/i;

/** Orders positions: no segment has as many parts. */
const partsMax = 1000;
export const positionOf = (segment, part) => segment * partsMax + part;

/** Milliseconds of a clock that all processes of this machine share. */
export const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

/** What a viewer goes by: the position to ask for next, and the parts' addresses with their positions. */
export function readPlaylist(text, playlistPath) {
  const base = `http://box${playlistPath}`;
  const named = (uri) => {
    const { pathname } = new URL(uri, base);
    const numbers = /(\d+)\.(\d+)\.m4s$/.exec(pathname);
    return numbers && { path: pathname, position: positionOf(Number(numbers[1]), Number(numbers[2])) };
  };
  const parts = [...text.matchAll(/^#EXT-X-PART:.*?URI="([^"]+)"/gm)].map(([, uri]) => named(uri)).filter(Boolean);
  const hint = /^#EXT-X-PRELOAD-HINT:.*?URI="([^"]+)"/m.exec(text);
  return { parts, next: hint === null ? null : (named(hint[1])?.position ?? null) };
}

/** The path of the channel's first rendition, once that has parts. */
export async function playlistOf(hlsUrl) {
  let playlist = null;
  const found = async () => {
    const multivariant = await (await fetch(hlsUrl)).text();
    const [uri] = /^[^#\s].*m3u8.*$/m.exec(multivariant) ?? [];
    if (uri === undefined) return false;
    playlist = new URL(uri, hlsUrl);
    return (await (await fetch(playlist)).text()).includes('#EXT-X-PRELOAD-HINT');
  };
  await until(found, 30_000, 200);
  return playlist.pathname;
}

export function requestFor(path, host, coding = 'gzip') {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\naccept-encoding: ${coding}\r\n\r\n`);
}

export function blockingPath(playlistPath, position) {
  return `${playlistPath}?_HLS_msn=${Math.floor(position / partsMax)}&_HLS_part=${position % partsMax}`;
}

/**
 * Requests wait until all answers that are there by now have been read, and have their times: a request takes longer to write than
 * an answer to read, and a real viewer waits for nobody else's.
 */
const requests = [];

function askLater(socket, request) {
  if (requests.length === 0) setImmediate(sendRequests);
  requests.push([socket, request]);
}

function sendRequests() {
  for (const [socket, request] of requests.splice(0)) socket.write(request);
}

/** One kept-open connection that is asked one thing after the other: `onAnswer(status, body)`, the body null where none was wanted. */
export class Connection {
  #socket;
  #gathered = [];
  #left = 0;
  #status = 0;
  #head = null;
  #wantsBody;
  #options;

  /** @param options host, port, wantsBody(): whether the next answer's body is looked at, onAnswer, onLost(reason) */
  constructor(options) {
    this.#options = options;
    this.#wantsBody = options.wantsBody;
    const onread = { buffer: readBuffer, callback: (size) => this.#read(readBuffer.subarray(0, size)) };
    this.#socket = connect({ host: options.host, port: options.port, noDelay: true, onread });
    this.#socket.on('error', ({ code }) => options.onLost(code));
    this.#socket.on('close', () => options.onLost('closed'));
  }

  ask(request) {
    askLater(this.#socket, request);
  }

  close() {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }

  #read(bytes) {
    let rest = bytes;
    while (rest.length > 0) rest = this.#left > 0 ? this.#readBody(rest) : this.#readHead(rest);
    return true;
  }

  #readHead(bytes) {
    const all = this.#head === null ? bytes : Buffer.concat([this.#head, bytes]);
    const end = all.indexOf(headEnd);
    if (end < 0) {
      this.#head = Buffer.from(all);
      return all.subarray(all.length);
    }
    this.#head = null;
    const length = lengthField.exec(all.latin1Slice(0, end));
    this.#status = Number(all.latin1Slice(9, 12));
    if (length === null) {
      this.#options.onLost('an answer without a length');
      return all.subarray(all.length);
    }
    this.#left = Number(length[1]);
    this.#gathered = this.#wantsBody() ? [] : null;
    const body = all.subarray(end + headEnd.length);
    return this.#left === 0 ? this.#answered(body) : body;
  }

  #readBody(bytes) {
    const taken = bytes.subarray(0, this.#left);
    // The buffer is read into again: what is looked at later is copied.
    if (this.#gathered !== null) this.#gathered.push(Buffer.from(taken));
    this.#left -= taken.length;
    const rest = bytes.subarray(taken.length);
    return this.#left === 0 ? this.#answered(rest) : rest;
  }

  #answered(rest) {
    const body = this.#gathered === null ? null : Buffer.concat(this.#gathered);
    this.#options.onAnswer(this.#status, body);
    return rest;
  }
}

/** Text of a body that may be compressed. */
export function textOf(body) {
  return (body[0] === 0x1f && body[1] === 0x8b ? gunzipSync(body) : body).toString();
}

/**
 * Viewers of one playlist. They all get the same answers, so only the first answer for a position is read, and what follows from it
 * is asked by all with the same bytes. Lifetime: until `close`.
 */
export class Audience {
  /** By position asked for: when each answer's last byte came, ms. */
  answers = new Map();
  /** The same for parts. */
  parts = new Map();
  errors = new Map();
  #options;
  #known = new Map();
  #viewers = new Set();
  #newest;
  #closed = false;

  /** @param options host, port, playlistPath, position (to begin with), media: whether parts are fetched too */
  constructor(options) {
    this.#options = options;
    this.#newest = options.position;
  }

  get size() {
    return this.#viewers.size;
  }

  add() {
    const viewer = {};
    this.#viewers.add(viewer);
    this.#open(viewer, 'playlist');
    if (this.#options.media) this.#open(viewer, 'media');
    this.#ask(viewer, this.#newest);
  }

  forget() {
    this.answers.clear();
    this.parts.clear();
    this.errors.clear();
  }

  close() {
    this.#closed = true;
    for (const { playlist, media } of this.#viewers) {
      playlist?.close();
      media?.close();
    }
  }

  #open(viewer, kind) {
    const { host, port } = this.#options;
    const playlist = kind === 'playlist';
    viewer[kind] = new Connection({
      ...{ host, port },
      wantsBody: () => playlist && !this.#known.has(viewer.position),
      onAnswer: (status, body) =>
        playlist ? this.#playlistCame(viewer, status, body) : this.#partCame(viewer, status),
      onLost: (reason) => this.#lost(viewer, kind, reason),
    });
    if (!playlist) viewer.fetching = [];
  }

  #ask(viewer, position) {
    viewer.position = position;
    const { host, port, playlistPath } = this.#options;
    viewer.playlist.ask(requestFor(blockingPath(playlistPath, position), `${host}:${port}`));
  }

  #playlistCame(viewer, status, body) {
    const { position } = viewer;
    if (status !== 200) return this.#trouble(viewer, `${status}`);
    note(this.answers, position);
    if (body !== null && !this.#known.has(position)) this.#learn(position, textOf(body));
    const known = this.#known.get(position);
    if (known.next === null) return this.#trouble(viewer, 'a playlist without a hint');
    if (known.media !== null && viewer.media) {
      viewer.fetching.push(...known.media);
      // One after the other: as browsers do, and uWebSockets.js asks for.
      if (viewer.fetching.length === known.media.length) viewer.media.ask(known.media[0].request);
    }
    viewer.position = known.next;
    viewer.playlist.ask(known.nextReload);
  }

  #learn(position, text) {
    const { host, port, playlistPath } = this.#options;
    const address = `${host}:${port}`;
    const { parts: listed, next } = readPlaylist(text, playlistPath);
    const fresh = listed.filter((part) => part.position >= position);
    const nextReload = next === null ? null : requestFor(blockingPath(playlistPath, next), address);
    const parts = fresh.map((part) => ({ position: part.position, request: requestFor(part.path, address) }));
    this.#known.set(position, { next, nextReload, media: parts.length === 0 ? null : parts });
    if (next !== null) this.#newest = Math.max(this.#newest, next);
  }

  #partCame(viewer, status) {
    const { position } = viewer.fetching.shift();
    if (viewer.fetching.length > 0) viewer.media.ask(viewer.fetching[0].request);
    if (status === 200) note(this.parts, position);
    else this.#count(`${status} for a part`);
  }

  /** Goes on at the newest that is known. */
  #trouble(viewer, reason) {
    this.#count(reason);
    setTimeout(() => {
      if (!this.#closed && viewer.playlist !== null) this.#ask(viewer, this.#newest);
    }, retryMs);
  }

  #lost(viewer, kind, reason) {
    if (this.#closed || viewer[kind] === null) return;
    this.#count(`${kind} connection: ${reason}`);
    viewer[kind].close();
    viewer[kind] = null;
    setTimeout(() => {
      if (this.#closed) return;
      this.#open(viewer, kind);
      if (kind === 'playlist') this.#ask(viewer, this.#newest);
    }, retryMs);
  }

  #count(reason) {
    this.errors.set(reason, (this.errors.get(reason) ?? 0) + 1);
  }
}

function note(times, position) {
  const list = times.get(position);
  if (list === undefined) times.set(position, [nowMs()]);
  else list.push(nowMs());
}
