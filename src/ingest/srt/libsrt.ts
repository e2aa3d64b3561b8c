import koffi from 'koffi';
import { messageOf } from '../../telemetry/failure.js';
import { EPOLL_EVENT_BYTES } from './libsrt-numbers.js';
import type { LinkSample } from './listener-messages.js';

/**
 * The part of libsrt's C interface that the listener uses. To be loaded in a process of its own: a fault in native code
 * ends the process.
 */

/** Debian and Ubuntu name the library by its cipher; others plainly. */
const NAMES = ['libsrt-gnutls.so.1.5', 'libsrt-openssl.so.1.5', 'libsrt.so.1.5', 'libsrt.so.1', 'libsrt.so'];
/** 1.4.2: reject reasons of our own choice. */
const VERSION_MIN = 0x01_04_02;

/** srt.h: SRT_SOCKOPT. */
const OPTION = {
  RCVSYN: 2,
  LATENCY: 23,
  PASSPHRASE: 26,
  RCVLATENCY: 43,
  MINVERSION: 45,
  PAYLOADSIZE: 49,
} as const;
/** SRT_EPOLL_ENABLE_EMPTY: waiting without a socket is no error. */
const EPOLL_EMPTY_ALLOWED = 2;
/** An SRT_MSGCTRL, and where in it the packet's sequence number stands. */
const MESSAGE_CONTROL_BYTES = 48;
const MESSAGE_SEQUENCE_AT = 24;
/** SRT_TRACEBSTATS is some 500 bytes, and grows from version to version at its end. */
const STATS_BYTES = 2048;
/** IPv4, UDP and SRT headers, which libsrt counts as bytes received. */
const HEADERS_BYTES = 44;
const LOG_CRITICAL = 2;

export type Accepting = (socket: number, streamId: string) => number | null;

type Native = ReturnType<typeof bind>;

export class LibSrt {
  readonly library: string;
  readonly version: string;
  readonly #native: Native;
  readonly #stats = Buffer.alloc(STATS_BYTES);
  readonly #messageControl = Buffer.alloc(MESSAGE_CONTROL_BYTES);
  /** Kept so that it is not collected while libsrt may call it. */
  #hook: bigint | null = null;

  private constructor(library: string, version: string, native: Native) {
    this.library = library;
    this.version = version;
    this.#native = native;
  }

  /** The first library that loads; else why none does. */
  static load(): LibSrt | { readonly missing: string } {
    const misses: string[] = [];
    for (const name of NAMES) {
      try {
        const native = bind(name);
        const version = native.getVersion();
        const text = [version >> 16, (version >> 8) & 255, version & 255].join('.');
        if (version >= VERSION_MIN) return new LibSrt(name, text, native);
        misses.push(`${name} is of version ${text}, too old`);
      } catch (error) {
        misses.push(messageOf(error));
      }
    }
    return { missing: `libsrt cannot be loaded: ${[...new Set(misses)].join('; ')}` };
  }

  start(): void {
    this.#native.startup();
    this.#native.setLogLevel(LOG_CRITICAL);
  }

  /**
   * A socket that listens at `descriptor`, a UDP socket that is bound and libsrt's from now on. `accepting` is asked about every
   * caller with its stream id, before the handshake ends: a number is the reject reason, null lets it go on.
   *
   * @returns libsrt's number for it, or why there is none
   */
  listen(options: {
    descriptor: number;
    latencyMs: number;
    accepting: Accepting;
  }): number | { readonly failed: string } {
    const socket = this.#native.createSocket();
    this.#setInt(socket, OPTION.RCVSYN, 0);
    this.#setInt(socket, OPTION.LATENCY, options.latencyMs);
    this.#setInt(socket, OPTION.MINVERSION, 0x01_03_00);
    this.#setInt(socket, OPTION.PAYLOADSIZE, 1456);
    this.#native.listenCallback(socket, this.#register(options.accepting), null);
    const bound = this.#native.bindAcquire(socket, options.descriptor);
    if (bound < 0 || this.#native.listen(socket, 128) < 0) return { failed: this.#native.lastErrorText() };
    return socket;
  }

  /** To be called in `accepting`: what this caller has to encrypt with. */
  requirePassphrase(socket: number, passphrase: string): boolean {
    const bytes = Buffer.from(passphrase);
    return this.#native.setOption(socket, OPTION.PASSPHRASE, bytes, bytes.length) === 0;
  }

  /** The next caller whose handshake is done; null where there is none. */
  accept(listener: number): { socket: number; address: Buffer } | null {
    const address = Buffer.alloc(128);
    const socket = this.#native.accept(listener, address, [address.length]);
    return socket < 0 ? null : { socket, address };
  }

  /** The receiver's delay that was agreed with the caller, ms. */
  latencyMs(socket: number): number {
    const value = Buffer.alloc(4);
    return this.#native.getOption(socket, OPTION.RCVLATENCY, value, [4]) < 0 ? 0 : value.readInt32LE();
  }

  /** One message into `into`; its length, or minus the error's number. */
  receive(socket: number, into: Buffer): number {
    const length = this.#native.receive(socket, into, into.length, this.#messageControl);
    return length > 0 ? length : -this.#native.lastError(null);
  }

  /** Of the message that was received last: the sequence number of its packet. */
  get lastSequence(): number {
    return this.#messageControl.readInt32LE(MESSAGE_SEQUENCE_AT);
  }

  close(socket: number): void {
    this.#native.close(socket);
  }

  openEpoll(): number {
    const epoll = this.#native.epollCreate();
    this.#native.epollSet(epoll, EPOLL_EMPTY_ALLOWED);
    return epoll;
  }

  watch(epoll: number, socket: number, events: number): void {
    this.#native.epollAdd(epoll, socket, [events]);
  }

  rewatch(epoll: number, socket: number, events: number): void {
    this.#native.epollUpdate(epoll, socket, [events]);
  }

  unwatch(epoll: number, socket: number): void {
    this.#native.epollRemove(epoll, socket);
  }

  /** Calls back with the number of events in `events`, which may be 0 or negative. */
  wait(epoll: number, events: Buffer, timeoutMs: number, done: (count: number) => void): void {
    const room = Math.floor(events.length / EPOLL_EVENT_BYTES);
    const settled = (error: unknown, count: number) => done(error ? -1 : count);
    this.#native.epollWait.async(epoll, events, room, BigInt(timeoutMs), settled);
  }

  /** srt.h: the leading fields of SRT_TRACEBSTATS, which have stood where they are since 1.4. */
  sample(socket: number, connection: number): LinkSample | null {
    const bytes = this.#stats;
    if (this.#native.statistics(socket, bytes, 0, 1) < 0) return null;
    const packets = Number(bytes.readBigInt64LE(16));
    return {
      connection,
      at: Number(bytes.readBigInt64LE(0)),
      rttMs: bytes.readDoubleLE(328),
      packets,
      packetsLost: bytes.readInt32LE(28),
      packetsRetransmitted: bytes.readInt32LE(164),
      packetsDropped: bytes.readInt32LE(68),
      bytes: Math.max(0, Number(bytes.readBigUInt64LE(88)) - packets * HEADERS_BYTES),
    };
  }

  #register(accepting: Accepting): bigint {
    const hook = (_opaque: unknown, socket: number, _version: number, _peer: unknown, streamId: string | null) => {
      const reason = accepting(socket, streamId ?? '');
      if (reason === null) return 0;
      this.#native.setRejectReason(socket, reason);
      return -1;
    };
    this.#hook = koffi.register(hook, koffi.pointer(LISTEN_HOOK));
    return this.#hook;
  }

  #setInt(socket: number, option: number, value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    this.#native.setOption(socket, option, bytes, bytes.length);
  }
}

/** Types have names of their own in koffi: this one is made once, whichever library loads. */
const LISTEN_HOOK = koffi.proto(
  'int srt_listen_callback_fn(void *opaque, int ns, int hsversion, const void *peeraddr, const char *streamid)',
);

function bind(name: string) {
  const library = koffi.load(name);
  return {
    getVersion: library.func('uint32_t srt_getversion()') as () => number,
    startup: library.func('int srt_startup()') as () => number,
    setLogLevel: library.func('void srt_setloglevel(int)') as (level: number) => void,
    createSocket: library.func('int srt_create_socket()') as () => number,
    setOption: library.func('int srt_setsockflag(int, int, const void *, int)') as OptionSetter,
    getOption: library.func('int srt_getsockflag(int, int, _Out_ uint8_t *, _Inout_ int *)') as OptionGetter,
    listenCallback: library.func('int srt_listen_callback(int, srt_listen_callback_fn *, void *)') as HookSetter,
    setRejectReason: library.func('int srt_setrejectreason(int, int)') as (socket: number, reason: number) => number,
    bindAcquire: library.func('int srt_bind_acquire(int, int)') as (socket: number, descriptor: number) => number,
    listen: library.func('int srt_listen(int, int)') as (socket: number, backlog: number) => number,
    accept: library.func('int srt_accept(int, _Out_ uint8_t *, _Inout_ int *)') as AddressGetter,
    receive: library.func('int srt_recvmsg2(int, _Out_ uint8_t *, int, _Inout_ uint8_t *)') as Receiver,
    close: library.func('int srt_close(int)') as (socket: number) => number,
    epollCreate: library.func('int srt_epoll_create()') as () => number,
    epollSet: library.func('int srt_epoll_set(int, int)') as (epoll: number, flags: number) => number,
    epollAdd: library.func('int srt_epoll_add_usock(int, int, const int *)') as EpollChange,
    epollUpdate: library.func('int srt_epoll_update_usock(int, int, const int *)') as EpollChange,
    epollRemove: library.func('int srt_epoll_remove_usock(int, int)') as (epoll: number, socket: number) => number,
    epollWait: library.func('int srt_epoll_uwait(int, _Out_ uint8_t *, int, int64_t)') as unknown as EpollWait,
    lastError: library.func('int srt_getlasterror(_Out_ int *)') as (errno: [number] | null) => number,
    lastErrorText: library.func('const char *srt_getlasterror_str()') as () => string,
    statistics: library.func('int srt_bistats(int, _Out_ uint8_t *, int, int)') as StatisticsGetter,
  };
}

type OptionSetter = (socket: number, option: number, value: Buffer, length: number) => number;
type OptionGetter = (socket: number, option: number, value: Buffer, length: [number]) => number;
type HookSetter = (socket: number, hook: bigint, opaque: null) => number;
type AddressGetter = (socket: number, address: Buffer, length: [number]) => number;
type Receiver = (socket: number, into: Buffer, room: number, control: Buffer) => number;
type EpollChange = (epoll: number, socket: number, events: [number]) => number;
type StatisticsGetter = (socket: number, into: Buffer, clear: number, instantaneous: number) => number;
interface EpollWait {
  async(
    epoll: number,
    events: Buffer,
    room: number,
    timeoutMs: bigint,
    done: (error: unknown, count: number) => void,
  ): void;
}
