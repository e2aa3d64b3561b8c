/**
 * The PROXY protocol's header, by which a proxy that passes connections on says who opened them: version 1 (a line) and
 * version 2 (binary), as HAProxy's proxy-protocol.txt has them (§2.1, §2.2). What version 2 adds behind the addresses (TLVs) is skipped.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { addressText } from './address-text.js';

export type ProxyHeaderRead =
  /** Nothing wrong so far, and not all there. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'broken'; readonly reason: string }
  /** `client`: null where the proxy speaks for itself (LOCAL), or does not know. */
  | { readonly kind: 'read'; readonly bytes: number; readonly client: string | null };

const signature2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const start1 = Buffer.from('PROXY ', 'latin1');
/** §2.1: the longest line, with its line break. */
const line1BytesMax = 107;
const head2Bytes = 16;
/** What may follow the head of version 2: 12 or 36 bytes of addresses, and TLVs, of which a client's certificate name is the longest known. */
const tail2BytesMax = 2048;

const incomplete: ProxyHeaderRead = { kind: 'incomplete' };
const broken = (reason: string): ProxyHeaderRead => ({ kind: 'broken', reason });

/** Reads the header that the bytes begin with. */
export function readProxyHeader(bytes: Buffer): ProxyHeaderRead {
  if (beginsLike(bytes, signature2)) return bytes.length < head2Bytes ? incomplete : readVersion2(bytes);
  if (beginsLike(bytes, start1)) return readVersion1(bytes);
  return broken('it does not begin with one');
}

/** As far as there are bytes. */
function beginsLike(bytes: Buffer, start: Buffer): boolean {
  const common = Math.min(bytes.length, start.length);
  return bytes.subarray(0, common).equals(start.subarray(0, common));
}

function readVersion1(bytes: Buffer): ProxyHeaderRead {
  const end = bytes.subarray(0, line1BytesMax).indexOf('\r\n');
  if (end < 0) return bytes.length < line1BytesMax ? incomplete : broken('its line does not end');
  const read = (client: string | null): ProxyHeaderRead => ({ kind: 'read', bytes: end + 2, client });
  const [, family, client = '', proxy = '', ...rest] = bytes.toString('latin1', 0, end).split(' ');
  if (family === 'UNKNOWN') return read(null);
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined;
  if (isAddress === undefined) return broken('it is of no known family');
  const isWell = isAddress(client) && isAddress(proxy) && rest.length === 2 && rest.every(isPort);
  return isWell ? read(client) : broken('its addresses or ports cannot be read');
}

/** §2.1: no leading zeros. */
function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

function readVersion2(bytes: Buffer): ProxyHeaderRead {
  const command = bytes.readUInt8(12);
  const length = bytes.readUInt16BE(14);
  if (command !== 0x20 && command !== 0x21) return broken('it is of no known version or command');
  if (length > tail2BytesMax) return broken(`it is longer than ${head2Bytes + tail2BytesMax} bytes`);
  if (bytes.length < head2Bytes + length) return incomplete;
  const read = (client: string | null): ProxyHeaderRead => ({ kind: 'read', bytes: head2Bytes + length, client });
  if (command === 0x20) return read(null);
  const family = bytes.readUInt8(13);
  if (family === 0) return read(null);
  const addressBytes = { 17: 4, 33: 16 }[family];
  if (addressBytes === undefined) return broken('it is not of TCP over IPv4 or IPv6');
  if (length < 2 * addressBytes + 4) return broken('its addresses are cut off');
  return read(addressText(bytes.subarray(head2Bytes, head2Bytes + addressBytes)));
}
