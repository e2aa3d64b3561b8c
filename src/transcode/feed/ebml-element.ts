/** EBML elements as bytes (RFC 8794): an id, a size as a variable-length integer, the payload. Pure. */

/** The bytes are no feed that we can read. */
export class MatroskaFault extends Error {}

export interface ElementHead {
  readonly id: number;
  /** Of the payload; null: it ends where something of a higher level begins. */
  readonly size: number | null;
  /** Of id and size together. */
  readonly bytes: number;
}

/** Null while too few bytes are there. Throws where they are no element's. */
export function readElementHead(bytes: Buffer): ElementHead | null {
  const [first] = bytes;
  if (first === undefined) return null;
  const idBytes = Math.clz32(first) - 23;
  if (idBytes > 4) throw new MatroskaFault('an element has no id');
  const lengthByte = bytes[idBytes];
  if (lengthByte === undefined) return null;
  const sizeBytes = Math.clz32(lengthByte) - 23;
  if (sizeBytes > 8) throw new MatroskaFault('an element has no size');
  const total = idBytes + sizeBytes;
  if (bytes.length < total) return null;
  return { id: bytes.readUIntBE(0, idBytes), size: readSize(bytes.subarray(idBytes, total)), bytes: total };
}

/** §4: the number of leading zeros says how many bytes there are; all ones means unknown. */
function readSize(bytes: Buffer): number | null {
  const marker = 0x80 >> (bytes.length - 1);
  const first = (bytes[0] ?? 0) & (marker - 1);
  if (first === marker - 1 && bytes.subarray(1).every((byte) => byte === 0xff)) return null;
  const size = bytes.subarray(1).reduce((value, byte) => value * 256 + byte, first);
  if (!Number.isSafeInteger(size)) throw new MatroskaFault('an element is absurdly large');
  return size;
}

export interface Element {
  readonly id: number;
  readonly payload: Buffer;
}

/** The elements that fill `bytes` exactly. Throws where they do not. */
export function childElements(bytes: Buffer): Element[] {
  const children: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const head = readElementHead(bytes.subarray(at, at + 12));
    if (head === null || head.size === null || at + head.bytes + head.size > bytes.length) {
      throw new MatroskaFault('an element does not fit into the one around it');
    }
    const start = at + head.bytes;
    at = start + head.size;
    children.push({ id: head.id, payload: bytes.subarray(start, at) });
  }
  return children;
}

/** 0 to 2^48 - 1; throws above. An empty one is 0 (§6.1). */
export function readUint(payload: Buffer): number {
  if (payload.length > 8) throw new MatroskaFault('a number is too long');
  const value = payload.reduce((sum, byte) => sum * 256 + byte, 0);
  if (value >= 2 ** 48) throw new MatroskaFault('a number is absurdly large');
  return value;
}
