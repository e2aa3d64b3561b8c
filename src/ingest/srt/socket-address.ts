import { isIPv6 } from 'node:net';

/** Linux's struct sockaddr_in and sockaddr_in6, which libsrt takes and gives. */
const AF_INET = 2;
const AF_INET6 = 10;

export function writeSocketAddress(host: string, port: number): Buffer {
  const bytes = Buffer.alloc(isIPv6(host) ? 28 : 16);
  bytes.writeUInt16LE(isIPv6(host) ? AF_INET6 : AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  if (isIPv6(host)) writeIPv6(bytes, host);
  else for (const [index, part] of host.split('.').entries()) bytes[4 + index] = Number(part);
  return bytes;
}

export function readSocketAddress(bytes: Buffer): { host: string; port: number } {
  const port = bytes.readUInt16BE(2);
  if (bytes.readUInt16LE(0) === AF_INET) return { host: bytes.subarray(4, 8).join('.'), port };
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(8 + index * 2).toString(16));
  const mapped = bytes.subarray(8, 20).equals(Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]));
  return { host: mapped ? bytes.subarray(20, 24).join('.') : shorten(groups), port };
}

function shorten(groups: readonly string[]): string {
  // The URL parser writes an IPv6 address the way RFC 5952 wants it.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

function writeIPv6(bytes: Buffer, host: string): void {
  const canonical = new URL(`http://[${host}]`).hostname.slice(1, -1);
  const [left = '', right = ''] = canonical.split('::');
  const before = left === '' ? [] : left.split(':');
  const after = right === '' ? [] : right.split(':');
  for (const [index, group] of before.entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), 8 + index * 2);
  const from = 8 - after.length;
  for (const [index, group] of after.entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), 8 + (from + index) * 2);
}
