/** PROXY headers as proxies write them. */
export const signature2 = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

export const header1 = (line: string) => Buffer.from(`PROXY ${line}\r\n`);

/** `client`: its address, 4 or 16 bytes; the proxy's is the same. */
export function header2(given: { command?: number; family?: number; client: number[]; more?: Buffer }): Buffer {
  const { command = 0x21, family = given.client.length === 4 ? 0x11 : 0x21, client, more = Buffer.alloc(0) } = given;
  const addresses = client.length === 0 ? [] : [...client, ...client, 0xdc, 0x04, 0x01, 0xbb];
  const head = Buffer.from([command, family, 0, 0]);
  head.writeUInt16BE(addresses.length + more.length, 2);
  return Buffer.concat([signature2, head, Buffer.from(addresses), more]);
}
