import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyOf, type Fault, fieldsOf, type KnownOrigin } from './known-origin.js';

/** What the client may see while it lasts. `cut`: it broke off, visibly; a status alone: an error of the edge's own. */
export type Seen = 'whole' | 'cut' | 'refused' | 502 | 504;

export interface UpstreamFault {
  readonly path: string;
  readonly says: Fault;
  /** One of these, and nothing else. */
  readonly sees: readonly Seen[];
}

const small = 60_000;
/** More than a sixteenth of 16 MiB: kept in blocks of that size. */
const large = 3_500_000;
const half = (bytes: number) => bytes >> 1;

/** A body by its length, as far as `until`, and no end of it. */
function begun(request: IncomingMessage, response: ServerResponse, origin: KnownOrigin, told = 0): Buffer {
  const path = request.url ?? '';
  const body = bodyOf(path, origin.versionOf(path));
  response.writeHead(200, { ...fieldsOf(origin.versionOf(path)), 'content-length': body.length + told });
  return body;
}

/** Once; whoever asks again is answered well. */
const once =
  (says: Fault): Fault =>
  (request, response, origin) => {
    origin.faults.delete(request.url ?? '');
    says(request, response, origin);
  };

const afterHalf =
  (then: (response: ServerResponse) => void): Fault =>
  (request, response, origin) => {
    const body = begun(request, response, origin);
    response.write(body.subarray(0, half(body.length)), () => then(response));
  };

/** In chunks, and without anything by which the rest could be told from that of another body. */
const withoutLength =
  (then: (response: ServerResponse) => void): Fault =>
  (request, response, origin) => {
    const path = request.url ?? '';
    response.writeHead(200, { 'x-version': '1', 'cache-control': 'max-age=600' });
    const body = bodyOf(path, origin.versionOf(path));
    response.write(body.subarray(0, half(body.length)), () => then(response));
  };

const raw =
  (text: (path: string, origin: KnownOrigin) => readonly (string | Buffer)[]): Fault =>
  (request, response, origin) => {
    const { socket } = response;
    socket?.end(Buffer.concat(text(request.url ?? '', origin).map((piece) => Buffer.from(piece as Buffer))));
  };

const head = (...lines: string[]): string => `HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\n\r\n`;
const cached = ['x-version: 1', 'cache-control: max-age=600'];

/** Whole in itself, and never asked for: were it taken for an answer, it would be to somebody else's question. */
const smuggled = `${head('content-length: 5', ...cached)}wrong`;

const cutOff = (response: ServerResponse) => response.destroy();
const reset = (response: ServerResponse) => response.socket?.resetAndDestroy();
const hang = () => undefined;

/** A hundred bytes one by one, then the rest. */
const drip: Fault = (request, response, origin) => {
  const body = begun(request, response, origin);
  let at = 0;
  const next = setInterval(() => {
    response.write(body.subarray(at, at + 1));
    at += 1;
    if (at < 100) return;
    clearInterval(next);
    response.end(body.subarray(at));
  }, 10);
  response.once('close', () => clearInterval(next));
};

/** Its first block is of one version, and what is asked for after that of the next. */
const changesBetweenBlocks: Fault = (request, response, origin) => {
  const path = request.url ?? '';
  const first = /^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1];
  if (first !== undefined && Number(first) > 0) {
    origin.faults.delete(path);
    origin.change(path);
  }
  origin.answer(request, response);
};

/** Breaks off in the middle, and has another version by the time it is asked for the rest. */
const changesBeforeResumption: Fault = once((request, response, origin) => {
  const body = begun(request, response, origin);
  response.write(body.subarray(0, half(body.length)), () => {
    origin.change(request.url ?? '');
    response.destroy();
  });
});

/** Answers the rest that is asked for as if the body were longer and began elsewhere, under the same ETag. */
const changesLengthBeforeResumption: Fault = (request, response, origin) => {
  const path = request.url ?? '';
  if (request.headers.range === undefined) return afterHalf(cutOff)(request, response, origin);
  origin.faults.delete(path);
  const body = bodyOf(path, 1).subarray(1);
  const place = { 'content-range': `bytes 1-${body.length}/${body.length + 7}`, 'content-length': body.length };
  response.writeHead(206, { ...fieldsOf(1), ...place }).end(body);
};

export const upstreamFaults: Readonly<Record<string, UpstreamFault>> = {
  'dies in mid-body, then answers': { path: `/dies/${small}`, says: once(afterHalf(cutOff)), sees: ['whole'] },
  'dies in mid-body each time': {
    path: `/dies-each-time/${small}`,
    says: afterHalf(cutOff),
    sees: ['cut', 'refused'],
  },
  'dies in mid-body of a large one': {
    path: `/dies-large/${large}`,
    says: once(afterHalf(cutOff)),
    sees: ['whole', 'cut'],
  },
  // Perhaps before any of the body has come: then a head was begun, and is never sent.
  'dies in mid-body without a length': {
    path: `/dies-chunked/${small}`,
    says: withoutLength(cutOff),
    sees: ['cut', 'refused'],
  },
  'resets in mid-body, then answers': { path: `/resets/${small}`, says: once(afterHalf(reset)), sees: ['whole'] },
  // A reset takes with it what its receiver has not read yet (RFC 9293 §3.5.3): the body, so that a head was begun and is never sent, or the head too.
  'resets in mid-body each time': {
    path: `/resets-each-time/${small}`,
    says: afterHalf(reset),
    sees: ['cut', 'refused', 502],
  },
  'resets in mid-body without a length': {
    path: `/resets-chunked/${small}`,
    says: withoutLength(reset),
    sees: ['cut', 'refused', 502],
  },
  'resets before its head': {
    path: `/resets-early/${small}`,
    says: (_request, response) => reset(response),
    sees: [502],
  },
  'hangs before its head': { path: `/hangs/${small}`, says: hang, sees: [504] },
  'hangs in mid-body': { path: `/hangs-late/${small}`, says: once(afterHalf(hang)), sees: ['whole'] },
  drips: { path: `/drips/${small}`, says: drip, sees: ['whole'] },
  'announces more than it sends': {
    path: `/too-long/${small}`,
    says: (request, response, origin) => {
      const body = begun(request, response, origin, 100);
      response.write(body, () => response.destroy());
    },
    sees: ['cut'],
  },
  'announces more than it sends, and goes on with the next answer': {
    path: `/swallows/${small}`,
    says: raw((path) => [head(`content-length: ${small + 20}`, ...cached), bodyOf(path, 1)]),
    sees: ['cut'],
  },
  'sends more than it announces': {
    path: `/too-short/${small}`,
    says: raw((path) => [head(`content-length: ${small}`, ...cached), bodyOf(path, 1), 'and more']),
    sees: ['whole', 'cut', 502],
  },
  'sends an answer that nobody asked for behind its own': {
    path: `/smuggles/${small}`,
    says: (request, response) => {
      const path = request.url ?? '';
      response.socket?.write(
        Buffer.concat([
          Buffer.from(head(`content-length: ${small}`, ...cached)),
          bodyOf(path, 1),
          Buffer.from(smuggled),
        ]),
      );
    },
    sees: ['whole', 'cut', 502],
  },
  'names two lengths': {
    path: `/two-lengths/${small}`,
    says: raw((path) => [head(`content-length: ${small}`, 'content-length: 5', ...cached), bodyOf(path, 1)]),
    sees: [502],
  },
  'names a length and chunks': {
    path: `/length-and-chunks/${small}`,
    says: raw((path) => [head('content-length: 5', 'transfer-encoding: chunked', ...cached), bodyOf(path, 1)]),
    sees: [502, 'cut'],
  },
  'has chunks that are none': {
    path: `/bad-chunks/${small}`,
    says: raw((path) => [
      head('transfer-encoding: chunked', ...cached),
      '10\r\n',
      bodyOf(path, 1).subarray(0, 16),
      'zz\r\n',
    ]),
    sees: [502, 'cut'],
  },
  'speaks no HTTP': { path: `/nonsense/${small}`, says: raw(() => ['SSH-2.0-OpenSSH_9.2\r\n']), sees: [502] },
  'changes between two blocks': {
    path: `/changes-between/${large}`,
    says: changesBetweenBlocks,
    sees: ['cut', 'whole'],
  },
  // Whoever comes after the break has a fetch of its own.
  'changes before the rest is asked for': {
    path: `/changes-before-rest/${small}`,
    says: changesBeforeResumption,
    sees: ['cut', 'whole'],
  },
  'has another length when the rest is asked for': {
    path: `/other-length/${small}`,
    says: changesLengthBeforeResumption,
    sees: ['cut', 'whole'],
  },
};
