import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { encode, type Instruction } from './bpf.js';

/** What the listener's process asks of the system itself, because neither Node nor libsrt does. Linux alone. */

/** Linux's numbers, the same on every processor that Node has a build for. */
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const PR_SET_NO_NEW_PRIVS = 38;
const RLIMIT_CORE = 4;
const POLLIN = 1;
/** Bytes of a struct pollfd: the descriptor, what is waited for, and what came. */
const POLL_BYTES = 8;
/** Bytes of a struct sockaddr_in6. */
const ADDRESS_BYTES_IPV6 = 28;

export interface BoundSocket {
  readonly descriptor: number;
  /** A struct sockaddr: with the port that was found where any would do. */
  readonly address: Buffer;
  /** Why the filter does not stand before it; null where it does. */
  readonly unfiltered: string | null;
}

let bound: ReturnType<typeof bind> | null = null;
const waitedFor = new Set<Buffer>();

function libc(): ReturnType<typeof bind> {
  bound ??= bind();
  return bound;
}

/**
 * A UDP socket behind a packet filter. The filter stands before the address is taken: not one datagram gets past it.
 * `address` is a struct sockaddr; "::" serves IPv4 too, as it does for TCP.
 */
export function bindUdp(
  address: Buffer,
  filter: readonly Instruction[],
): BoundSocket | { failed: string; errno: number } {
  const { socket, bind, close, socketName } = libc();
  const descriptor = socket(address.readUInt16LE(0), SOCK_DGRAM_CLOEXEC, 0);
  if (descriptor < 0) return lastFailure();
  if (address.length === ADDRESS_BYTES_IPV6) setInt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  const unfiltered = attach(descriptor, filter);
  const bound = Buffer.from(address);
  if (bind(descriptor, address, address.length) === 0 && socketName(descriptor, bound, [bound.length]) === 0)
    return { descriptor, address: bound, unfiltered };
  const failure = lastFailure();
  close(descriptor);
  return failure;
}

/** Calls back once something has come to a socket, and leaves it there. Until then it holds a thread, which sleeps. */
export function whenReadable(descriptor: number, done: () => void): void {
  const wanted = Buffer.alloc(POLL_BYTES);
  wanted.writeInt32LE(descriptor, 0);
  wanted.writeInt16LE(POLLIN, 4);
  // Held here for as long as the system may write into it: koffi does not.
  waitedFor.add(wanted);
  libc().poll.async(wanted, 1, -1, (error, ready) => {
    waitedFor.delete(wanted);
    // A signal may have ended the wait.
    if (error !== null || ready < 0) whenReadable(descriptor, done);
    else done();
  });
}

/** Whether the kernel takes the filter; null, or why not. */
export function tryFilter(filter: readonly Instruction[]): string | null {
  const { socket, close } = libc();
  const descriptor = socket(2, SOCK_DGRAM_CLOEXEC, 0);
  if (descriptor < 0) return lastFailure().failed;
  const unfiltered = attach(descriptor, filter);
  close(descriptor);
  return unfiltered;
}

/**
 * For a process that reads what strangers send: nothing that it starts may have more rights than it, and its memory, with
 * keys in it, is never written to the disk. What the system does not grant is done without.
 */
export function confine(): void {
  const { prctl, setrlimit } = libc();
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  setrlimit(RLIMIT_CORE, Buffer.alloc(16));
}

/** linux/filter.h: struct sock_fprog points at the instructions. */
function attach(descriptor: number, filter: readonly Instruction[]): string | null {
  const program = { len: filter.length, filter: encode(filter) };
  if (libc().attachFilter(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, program, koffi.sizeof(FILTER_PROGRAM)) === 0)
    return null;
  return `the kernel takes no packet filter: ${lastFailure().failed}`;
}

function setInt(descriptor: number, level: number, option: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  libc().setOption(descriptor, level, option, bytes, bytes.length);
}

function lastFailure(): { failed: string; errno: number } {
  const errno = koffi.errno();
  return { failed: errno === 0 ? 'unknown' : getSystemErrorName(-errno), errno };
}

const FILTER_PROGRAM = koffi.struct('srt_sock_fprog', { len: 'uint16_t', filter: 'const uint8_t *' });

/** Those of the C library that Node itself runs on. */
function bind() {
  const library = koffi.load(null);
  return {
    socket: library.func('int socket(int, int, int)') as (family: number, type: number, protocol: number) => number,
    bind: library.func('int bind(int, const void *, int)') as (
      descriptor: number,
      to: Buffer,
      length: number,
    ) => number,
    socketName: library.func('int getsockname(int, _Out_ uint8_t *, _Inout_ int *)') as (
      descriptor: number,
      address: Buffer,
      length: [number],
    ) => number,
    poll: library.func('int poll(_Inout_ uint8_t *, unsigned long, int)') as unknown as Poll,
    close: library.func('int close(int)') as (descriptor: number) => number,
    setOption: library.func('int setsockopt(int, int, int, const void *, int)') as OptionSetter<Buffer>,
    attachFilter: library.func('setsockopt', 'int', [
      'int',
      'int',
      'int',
      koffi.pointer(FILTER_PROGRAM),
      'int',
    ]) as OptionSetter<{ len: number; filter: Buffer }>,
    prctl: library.func('int prctl(int, long, long, long, long)') as (...args: number[]) => number,
    setrlimit: library.func('int setrlimit(int, const void *)') as (resource: number, limits: Buffer) => number,
  };
}

type OptionSetter<Value> = (descriptor: number, level: number, option: number, value: Value, length: number) => number;
interface Poll {
  async(wanted: Buffer, count: number, timeoutMs: number, done: (error: Error | null, ready: number) => void): void;
}
