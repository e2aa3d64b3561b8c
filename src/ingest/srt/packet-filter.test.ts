import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import fc from 'fast-check';
import koffi from 'koffi';
import { describe, expect, it } from 'vitest';
import { runFilter } from './bpf.fixture.js';
import { encode } from './bpf.js';
import { bindUdp, tryFilter } from './libc.js';
import { SRT_PACKET_FILTER } from './packet-filter.js';
import { readSocketAddress, writeSocketAddress } from './socket-address.js';
import { agreement, conclusion, control, data, extension, handshake, named } from './srt-packets.fixture.js';

const UDP_HEADER = Buffer.alloc(8);
const ALL = 0xffffffff;
const passes = (packet: Buffer) => runFilter(SRT_PACKET_FILTER, Buffer.concat([UDP_HEADER, packet])) === ALL;

const CONNECTION = 0x1234_5678;
const BLOCKS = [agreement(), named('key-hall')];
const media = Buffer.alloc(1316, 0x47);
const key = (bytes: number) => extension(3, Buffer.alloc(bytes, 1));

const HONEST: Record<string, Buffer> = {
  'a first call': handshake({}),
  'a call with a stream id': conclusion({}, BLOCKS),
  'a call with a passphrase': conclusion({ extensions: 7 }, [...BLOCKS, key(72)]),
  'a call with two keys of 32 bytes': conclusion({ extensions: 7 }, [...BLOCKS, key(104)]),
  'a call with its way of congestion control': conclusion({}, [...BLOCKS, extension(6, Buffer.from('live'))]),
  'a call without a stream id': conclusion({ extensions: 1 }, [agreement()]),
  'a call for a stream, to be turned away': conclusion({}, [agreement(0x40), named('key-hall')]),
  'a call with smaller packets': conclusion({ packetSize: 1360 }, BLOCKS),
  'a call with larger packets': conclusion({ packetSize: 9000 }, BLOCKS),
  'a call that begins before the end of the numbers': conclusion({ sequence: 0x7fffbfff }, BLOCKS),
  'a call with a large window': conclusion({ window: 100_000 }, BLOCKS),
  'a call with the longest stream id': conclusion({}, [agreement(), named('k'.repeat(512))]),
  'a call with a block that is new to us': conclusion({}, [...BLOCKS, extension(99, Buffer.alloc(8))]),
  data: data(7, CONNECTION, media),
  'the largest data': data(7, CONNECTION, Buffer.alloc(1456)),
  'data that is sent again': data(7, CONNECTION, media, 0xe4000001),
  'data with the even key': data(7, CONNECTION, media, 0xe8000001),
  'data with the odd key': data(7, CONNECTION, media, 0xf0000001),
  'keep-alive': control(1, CONNECTION),
  shutdown: control(5, CONNECTION),
  'acknowledged acknowledgement': control(6, CONNECTION, Buffer.alloc(4), { second: 99 }),
  'without a payload': control(6, CONNECTION, Buffer.alloc(0), { second: 99 }),
  'a new key': control(0x7fff, CONNECTION, Buffer.alloc(104), { subtype: 3 }),
};

const HOSTILE: Record<string, Buffer> = {
  nothing: Buffer.alloc(0),
  'half a header': Buffer.alloc(15),
  'a short call': handshake({}).subarray(0, 63),
  'a call to a connection': Buffer.concat([
    handshake({}).subarray(0, 12),
    Buffer.from([0, 0, 0, 9]),
    handshake({}).subarray(16),
  ]),
  'a call of no type': handshake({ type: 0 }),
  'a call that agrees': conclusion({ type: -2 }, BLOCKS),
  'a call that refuses': conclusion({ type: 1002 }, BLOCKS),
  'a call of version 4': conclusion({ version: 4 }, BLOCKS),
  'a call with tiny packets': conclusion({ packetSize: 44 }, BLOCKS),
  'a call with packets too small for the answer': conclusion({ packetSize: 299 }, BLOCKS),
  'a call that begins at the end of the numbers': conclusion({ sequence: 0x7fffc000 }, BLOCKS),
  'a call with no window': conclusion({ window: 0 }, BLOCKS),
  'a call with a window of gigabytes': conclusion({ window: 0x7fffffff }, BLOCKS),
  'a call from nobody': conclusion({ caller: 0 }, BLOCKS),
  'a call without blocks': conclusion({}, []),
  'a call that announces no agreement': conclusion({ extensions: 4 }, BLOCKS),
  'a call whose agreement is not first': conclusion({}, [named('key-hall'), agreement()]),
  'a call whose agreement is short': conclusion({}, [extension(1, Buffer.alloc(8)), named('key-hall')]),
  'a call without times': conclusion({}, [agreement(0x08), named('key-hall')]),
  'a call with an answer in it': conclusion({}, [...BLOCKS, extension(2, Buffer.alloc(12))]),
  "a call with a key's answer in it": conclusion({ extensions: 7 }, [...BLOCKS, extension(4, Buffer.alloc(4))]),
  'a call with more key than there is': conclusion({ extensions: 7 }, [...BLOCKS, key(108)]),
  'a call with error correction': conclusion({}, [...BLOCKS, extension(7, Buffer.from('fec,cols:999'))]),
  'a call with a block of no kind': conclusion({}, [...BLOCKS, extension(0, Buffer.alloc(4))]),
  'a call with a block that is longer than the packet': conclusion({}, [agreement(), extension(5, Buffer.alloc(8), 3)]),
  'a call with a block of the greatest length': conclusion({}, [agreement(), extension(5, Buffer.alloc(8), 0xffff)]),
  'a call with half a block': conclusion({}, [...BLOCKS, Buffer.alloc(3)]),
  'a call with more blocks than anybody needs': conclusion({}, [
    agreement(),
    ...Array.from({ length: 8 }, () => named('key-')),
  ]),
  'data to nobody': data(7, 0, media),
  'data to a group': data(7, 0x40000001, media),
  'empty data': data(7, CONNECTION, Buffer.alloc(0)),
  'data larger than a packet': data(7, CONNECTION, Buffer.alloc(1457)),
  "a message's beginning": data(7, CONNECTION, media, 0xa0000001),
  "a message's end": data(7, CONNECTION, media, 0x60000001),
  "a message's middle": data(7, CONNECTION, media, 0x20000001),
  'data with both keys': data(7, CONNECTION, media, 0xf8000001),
  'the last sequence number': data(0x7fffffff, CONNECTION, media),
  'the first of the last sequence numbers': data(0x7fffc000, CONNECTION, media),
  acknowledgement: control(2, CONNECTION, Buffer.alloc(28)),
  'loss report': control(3, CONNECTION, Buffer.alloc(8)),
  'congestion warning': control(4, CONNECTION),
  'a request to drop': control(7, CONNECTION, Buffer.alloc(8)),
  "the peer's error": control(8, CONNECTION),
  'a type that nobody knows': control(9, CONNECTION),
  'keep-alive to nobody': control(1, 0),
  'shutdown to a group': control(5, 0x40000001),
  'an agreement in the middle': control(0x7fff, CONNECTION, Buffer.alloc(12), { subtype: 1 }),
  "a key's answer": control(0x7fff, CONNECTION, Buffer.alloc(72), { subtype: 4 }),
  'a new key, too long': control(0x7fff, CONNECTION, Buffer.alloc(108), { subtype: 3 }),
};

it.each(Object.entries(HONEST))('lets pass: %s', (_name, packet) => {
  expect(passes(packet)).toBe(true);
});

it.each(Object.entries(HOSTILE))('drops: %s', (_name, packet) => {
  expect(passes(packet)).toBe(false);
});

it('the data before the last sequence numbers passes, and that behind them', () => {
  expect([0x7fffbfff, 0].map((sequence) => passes(data(sequence, CONNECTION, media)))).toEqual([true, true]);
});

it('has an answer to whatever comes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect([true, false]).toContain(passes(Buffer.from(bytes)));
    }),
  );
});

it('is no longer than a kernel takes', () => {
  expect(SRT_PACKET_FILTER.length).toBeLessThan(4096);
  expect(encode(SRT_PACKET_FILTER).length).toBeLessThan(20_480 / 2);
});

describe.runIf(process.platform === 'linux')('in the kernel', () => {
  const library = koffi.load(null);
  const socketName = library.func('int getsockname(int, _Out_ uint8_t *, _Inout_ int *)');
  const receive = library.func('int recv(int, _Out_ uint8_t *, int, int)');
  const close = library.func('int close(int)');
  const DONT_WAIT = 0x40;

  it('does as the interpreter does', async () => {
    expect(tryFilter(SRT_PACKET_FILTER)).toBe(null);
    const bound = bindUdp(writeSocketAddress('127.0.0.1', 0), SRT_PACKET_FILTER);
    if ('failed' in bound) throw new Error(bound.failed);
    expect(bound.unfiltered).toBe(null);
    const address = Buffer.alloc(128);
    socketName(bound.descriptor, address, [address.length]);
    const { port } = readSocketAddress(address);
    const sender = createSocket('udp4');
    const kernelPasses = async (packet: Buffer) => {
      await new Promise((resolve) => sender.send(packet, port, '127.0.0.1', resolve));
      return receive(bound.descriptor, Buffer.alloc(2000), 2000, DONT_WAIT) >= 0;
    };
    const known = [...Object.values(HONEST), ...Object.values(HOSTILE)];
    for (const packet of known) expect(await kernelPasses(packet)).toBe(passes(packet));
    const changed = fc.tuple(
      fc.constantFrom(...known),
      fc.array(fc.tuple(fc.nat({ max: 120 }), fc.constantFrom(0, 1, 3, 5, 0x7f, 0x80, 0xff))),
    );
    await fc.assert(
      fc.asyncProperty(changed, async ([original, changes]) => {
        const packet = Buffer.from(original);
        for (const [at, value] of changes) if (at < packet.length) packet[at] = value;
        expect(await kernelPasses(packet)).toBe(passes(packet));
      }),
      { numRuns: 500 },
    );
    sender.close();
    await once(sender, 'close');
    close(bound.descriptor);
  });

  it('says which address is taken', () => {
    const first = bindUdp(writeSocketAddress('::', 0), SRT_PACKET_FILTER);
    if ('failed' in first) throw new Error(first.failed);
    const address = Buffer.alloc(128);
    socketName(first.descriptor, address, [address.length]);
    expect(bindUdp(address.subarray(0, 28), SRT_PACKET_FILTER)).toEqual({ failed: 'EADDRINUSE', errno: 98 });
    close(first.descriptor);
  });
});
