/** EBML elements (RFC 8794): an id, a size as a variable-length integer, the payload. */

/** A size that says "until something of a higher level begins" (RFC 8794 §6.2). */
const UNKNOWN_SIZE = Buffer.from([0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);

export function element(id: number, payload: Buffer): Buffer {
  return Buffer.concat([idBytes(id), sizeBytes(payload.length), payload]);
}

export function master(id: number, children: readonly Buffer[]): Buffer {
  return element(id, Buffer.concat(children));
}

/** The head of an element whose end is not known yet: a live Segment or Cluster. */
export function openMaster(id: number): Buffer {
  return Buffer.concat([idBytes(id), UNKNOWN_SIZE]);
}

/** `value` from 0 to 2^48 - 1. */
export function uint(id: number, value: number): Buffer {
  let length = 1;
  while (length < 6 && value >= 2 ** (8 * length)) length++;
  const payload = Buffer.alloc(length);
  payload.writeUIntBE(value, 0, length);
  return element(id, payload);
}

export function float(id: number, value: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeDoubleBE(value);
  return element(id, payload);
}

export function text(id: number, value: string): Buffer {
  return element(id, Buffer.from(value, 'utf8'));
}

function idBytes(id: number): Buffer {
  let length = 1;
  while (id >= 2 ** (8 * length)) length++;
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(id, 0, length);
  return bytes;
}

function sizeBytes(size: number): Buffer {
  const bytes = Buffer.alloc(sizeLength(size));
  writeSize(bytes, 0, size, bytes.length);
  return bytes;
}

/** How many bytes a size takes; a size of all ones is kept for the unknown one (RFC 8794 §6.2). */
export function sizeLength(size: number): number {
  let length = 1;
  while (size >= 2 ** (7 * length) - 1) length++;
  return length;
}

/** RFC 8794 §4: the number of leading zeros says how many bytes follow. */
export function writeSize(bytes: Buffer, at: number, size: number, length: number): void {
  bytes.writeUIntBE(size, at, length);
  bytes[at] = (bytes[at] ?? 0) | (0x80 >> (length - 1));
}
