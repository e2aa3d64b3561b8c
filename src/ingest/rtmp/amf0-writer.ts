/** What this server says in AMF0 (Action Message Format 0, Adobe 2007). */
export type AmfAnswer =
  | number
  | string
  | null
  | undefined
  | readonly AmfAnswer[]
  | { readonly [name: string]: AmfAnswer };

const OBJECT_END = Buffer.from([0, 0, 9]);
const TEXT_BYTES_MAX = 0xffff;

/** The values of a command, in order. Texts beyond 65,535 bytes are cut. */
export function writeAmf0(values: readonly AmfAnswer[]): Buffer {
  return Buffer.concat(values.map(value));
}

function value(answer: AmfAnswer): Buffer {
  if (typeof answer === 'number') return number(answer);
  if (typeof answer === 'string') return Buffer.concat([Buffer.from([0x02]), text(answer)]);
  if (answer === null) return Buffer.from([0x05]);
  if (answer === undefined) return Buffer.from([0x06]);
  return isList(answer) ? list(answer) : object(answer);
}

function isList(answer: object): answer is readonly AmfAnswer[] {
  return Array.isArray(answer);
}

function number(answer: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes.writeDoubleBE(answer, 1);
  return bytes;
}

function list(answers: readonly AmfAnswer[]): Buffer {
  const head = Buffer.from([0x0a, 0, 0, 0, 0]);
  head.writeUInt32BE(answers.length, 1);
  return Buffer.concat([head, ...answers.map(value)]);
}

function object(answer: { readonly [name: string]: AmfAnswer }): Buffer {
  const properties = Object.entries(answer).flatMap(([name, inner]) => [text(name), value(inner)]);
  return Buffer.concat([Buffer.from([0x03]), ...properties, OBJECT_END]);
}

function text(words: string): Buffer {
  const bytes = Buffer.from(words, 'utf8').subarray(0, TEXT_BYTES_MAX);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}
