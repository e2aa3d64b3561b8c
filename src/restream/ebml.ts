/** EBML elements as bytes (RFC 8794): an id, a size as a variable-length integer, the payload. Pure. */
interface ElementHead {
  readonly id: number;
  /** Of the payload; null: it ends where something of a higher level begins. */
  readonly size: number | null;
  /** Of id and size together. */
  readonly headBytes: number;
}

/** `more`: too few bytes; `fault`: no element begins so. */
export function elementHead(bytes: Buffer): ElementHead | 'more' | 'fault' {
  const idBytes = leadingZeros(bytes[0]) + 1;
  const sizeBytes = leadingZeros(bytes[idBytes]) + 1;
  if (bytes.length > 0 && idBytes > 4) return 'fault';
  if (bytes.length > idBytes && sizeBytes > 8) return 'fault';
  const headBytes = idBytes + sizeBytes;
  if (bytes.length < headBytes) return 'more';
  const size = sizeOf(bytes.subarray(idBytes, headBytes));
  if (size !== null && !Number.isSafeInteger(size)) return 'fault';
  return { id: bytes.readUIntBE(0, idBytes), size, headBytes };
}

const leadingZeros = (byte: number | undefined): number => (byte === undefined ? 0 : Math.clz32(byte) - 24);

/** All ones: unknown (§6.2). */
function sizeOf(bytes: Buffer): number | null {
  const first = (bytes[0] ?? 0) & (0xff >> bytes.length);
  const rest = bytes.subarray(1);
  if (first === 0xff >> bytes.length && rest.every((byte) => byte === 0xff)) return null;
  return rest.reduce((size, byte) => size * 256 + byte, first);
}

/** The elements in `bytes`, up to the first that does not fit. */
export function childElements(bytes: Buffer): { readonly id: number; readonly payload: Buffer }[] {
  const children: { id: number; payload: Buffer }[] = [];
  let rest = bytes;
  for (;;) {
    const head = elementHead(rest);
    if (head === 'more' || head === 'fault' || head.size === null) return children;
    const end = head.headBytes + head.size;
    if (end > rest.length) return children;
    children.push({ id: head.id, payload: rest.subarray(head.headBytes, end) });
    rest = rest.subarray(end);
  }
}

/** The head of an element whose size is written in eight bytes. */
export function longHead(id: number, size: number): Buffer {
  const head = Buffer.alloc(9);
  head[0] = id;
  head[1] = 0x01;
  head.writeUIntBE(size, 3, 6);
  return head;
}
