import { CallerPolicy } from './caller-policy.js';
import type { bindUdp, whenReadable } from './libc.js';
import type { LibSrt } from './libsrt.js';
import { EPOLL_ERR, EPOLL_EVENT_BYTES, EPOLL_IN, NOTHING_TO_READ } from './libsrt-numbers.js';
import type { ListenerCommand, ListenerReport } from './listener-messages.js';
import { SEQUENCE_END, SRT_PACKET_FILTER } from './packet-filter.js';
import type { PipeWriter } from './pipe-writer.js';
import { PortCheck } from './port-check.js';
import { REJECT } from './reject-reason.js';
import { readSocketAddress, writeSocketAddress } from './socket-address.js';

/** Between two rounds of reading: many messages go through the pipe at once, and a round costs more than a message. */
const ROUND_MS = 30;
/** Waiting while nothing happens. */
const IDLE_WAIT_MS = 1000;
const PULSE_MS = 1000;
const EVENTS_MAX = 256;
/** After a caller is gone its last messages are still played out, at their times: the latency, and a little more. */
const TAIL_MS = 250;
/** From the stream id to the end of the handshake; libsrt's callers give up after 3 s. */
const HANDSHAKE_MS = 4000;
/** Callers with a wrong passphrase stay among these for a while; they must not take the place of those who publish. */
const SHAKING_MAX = 1000;
/** In one round. */
const ACCEPTED_MAX = 64;
const EADDRINUSE = 98;
/**
 * A publisher whose packets' numbers get near to their end (2^31: 26 days at 10 Mb/s) is asked to call again, because they are
 * dropped from there on. It has a second's worth of the fastest left.
 */
const SEQUENCE_LAST = SEQUENCE_END - 49_152;

interface Publisher {
  readonly socket: number;
  readonly connection: number;
  reading: boolean;
  /** Its packets have no numbers left. */
  spent: boolean;
  /** When a caller that is gone has been read to its end; null while it is there. */
  tailUntil: number | null;
}

/** What the system has for a UDP port. */
export interface Ports {
  readonly bindUdp: typeof bindUdp;
  readonly whenReadable: typeof whenReadable;
}

/**
 * All SRT publishers of one UDP port, read as fast as our process takes what they send. libsrt gets the port when the first packet
 * comes: its threads look around a hundred times a second, whether anybody calls or not.
 *
 * Lifetime: the process's. Each publisher: *accepted* (not read: libsrt holds what comes, and drops what comes too late) →
 * *reading* while it is asked for → *tail* after the caller is gone → closed. One loop: wait for events, read every
 * publisher that has something, rest for a moment.
 */
export class Listener {
  readonly #srt: LibSrt;
  readonly #ports: Ports;
  readonly #pipe: PipeWriter;
  readonly #policy: CallerPolicy;
  readonly #epoll: number;
  readonly #events = Buffer.alloc(EVENTS_MAX * EPOLL_EVENT_BYTES);
  readonly #bySocket = new Map<number, Publisher>();
  readonly #byConnection = new Map<number, Publisher>();
  readonly #tails = new Set<Publisher>();
  /** Sockets whose caller was let in by its stream id and has not been accepted yet. */
  readonly #shaking = new Map<number, { keyHash: string; streamId: string; encrypted: boolean; since: number }>();
  #rejected: Record<string, number> = {};
  #socket = -1;
  #portCheck: PortCheck | null = null;
  #connections = 0;
  #connectionsMax = 0;

  /** `catchUp` takes the commands that have been written and not been heard of yet. */
  constructor(native: { readonly srt: LibSrt; readonly ports: Ports }, pipe: PipeWriter, catchUp: () => void) {
    this.#srt = native.srt;
    this.#ports = native.ports;
    this.#pipe = pipe;
    this.#policy = new CallerPolicy(() => performance.now(), catchUp);
    this.#epoll = this.#srt.openEpoll();
  }

  command(command: ListenerCommand): void {
    if (command.kind === 'listen') this.#listen(command);
    else if (command.kind === 'keys') this.#policy.learn(command.drop, command.put);
    else if (command.kind === 'refuse') this.#policy.refuse(command.keyHash, command.code, command.ms);
    else if (command.kind === 'stop') this.#closeAll();
    else this.#commandOne(command);
  }

  #listen(command: Extract<ListenerCommand, { kind: 'listen' }>): void {
    this.#connectionsMax = command.connectionsMax;
    const bound = this.#ports.bindUdp(writeSocketAddress(command.host, command.port), SRT_PACKET_FILTER);
    if ('failed' in bound) {
      const reason = bound.errno === EADDRINUSE ? 'in-use' : 'listen';
      this.#report({ kind: 'failed', reason, message: bound.failed });
      return;
    }
    const { descriptor, address, unfiltered } = bound;
    const { port } = readSocketAddress(address);
    const { library, version } = this.#srt;
    this.#report({ kind: 'listening', port, library, version, unfiltered });
    setInterval(() => this.#pulse(), PULSE_MS);
    this.#ports.whenReadable(descriptor, () => this.#open(descriptor, { ...command, port }));
  }

  /** The first caller waits in the socket, or calls again in a quarter of a second: libsrt may read before it listens. */
  #open(descriptor: number, { host, port, latencyMs }: Extract<ListenerCommand, { kind: 'listen' }>): void {
    const accepting = (socket: number, streamId: string) => this.#accepting(socket, streamId);
    const listening = this.#srt.listen({ descriptor, latencyMs, accepting });
    if (typeof listening !== 'number') {
      this.#report({ kind: 'failed', reason: 'listen', message: listening.failed });
      return;
    }
    this.#socket = listening;
    this.#srt.watch(this.#epoll, listening, EPOLL_IN | EPOLL_ERR);
    this.#portCheck = new PortCheck({ host, port, deaf: () => this.#report({ kind: 'deaf' }) });
    this.#wait();
  }

  /** Called in the middle of a handshake: the whole port waits for the answer. */
  #accepting(socket: number, streamId: string): number | null {
    const answer = this.#decide(socket, streamId);
    if (answer !== null) this.#countRejected(answer);
    return answer;
  }

  get #isFull(): boolean {
    return this.#bySocket.size >= this.#connectionsMax;
  }

  #countRejected(code: number): void {
    this.#rejected[code] = (this.#rejected[code] ?? 0) + 1;
  }

  #decide(socket: number, streamId: string): number | null {
    if (this.#isFull || this.#shaking.size >= SHAKING_MAX) return REJECT.overload;
    const answer = this.#policy.answer(streamId);
    if (answer.kind === 'reject') return answer.code;
    const { keyHash, passphrase } = answer;
    if (passphrase !== null && !this.#srt.requirePassphrase(socket, passphrase)) return REJECT.internal;
    this.#shaking.set(socket, { keyHash, streamId, encrypted: passphrase !== null, since: performance.now() });
    return null;
  }

  #commandOne(command: Extract<ListenerCommand, { kind: 'read' | 'close' }>): void {
    const publisher = this.#byConnection.get(command.connection);
    if (publisher === undefined) return;
    if (command.kind === 'close') this.#close(publisher);
    else this.#setReading(publisher, command.on);
  }

  #setReading(publisher: Publisher, on: boolean): void {
    publisher.reading = on;
    if (publisher.tailUntil === null) {
      this.#srt.rewatch(this.#epoll, publisher.socket, on ? EPOLL_IN | EPOLL_ERR : EPOLL_ERR);
    } else if (on) {
      publisher.tailUntil = performance.now() + this.#srt.latencyMs(publisher.socket) + TAIL_MS;
    }
  }

  #wait(): void {
    if (this.#pipe.full) {
      this.#pipe.whenFree(() => this.#wait());
      return;
    }
    const timeoutMs = this.#tails.size > 0 ? 0 : IDLE_WAIT_MS;
    this.#srt.wait(this.#epoll, this.#events, timeoutMs, (count) => {
      this.#round(count);
      setTimeout(() => this.#wait(), ROUND_MS);
    });
  }

  #round(count: number): void {
    for (let index = 0; index < count; index++) {
      const socket = this.#events.readInt32LE(index * EPOLL_EVENT_BYTES);
      const publisher = this.#bySocket.get(socket);
      if (socket === this.#socket) this.#acceptAll();
      else if (publisher !== undefined) this.#read(publisher);
    }
    for (const publisher of this.#tails) this.#readTail(publisher);
    this.#pipe.flush();
  }

  /** All whose handshake is done, within reason: the listener stays ready while there are more. */
  #acceptAll(): void {
    for (let count = 0; count < ACCEPTED_MAX; count++) {
      const accepted = this.#srt.accept(this.#socket);
      if (accepted === null) return;
      this.#accepted(accepted.socket, accepted.address);
    }
  }

  #accepted(socket: number, address: Buffer): void {
    const shaken = this.#shaking.get(socket);
    this.#shaking.delete(socket);
    if (this.#isFull) {
      this.#countRejected(REJECT.overload);
      this.#srt.close(socket);
      return;
    }
    const publisher = { socket, connection: ++this.#connections, reading: false, spent: false, tailUntil: null };
    this.#bySocket.set(socket, publisher);
    this.#byConnection.set(publisher.connection, publisher);
    this.#srt.watch(this.#epoll, socket, EPOLL_ERR);
    const { host, port } = readSocketAddress(address);
    const remoteAddress = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const { streamId = '', encrypted = false } = shaken ?? {};
    this.#report({ kind: 'connected', connection: publisher.connection, streamId, remoteAddress, encrypted });
  }

  #read(publisher: Publisher): void {
    if (publisher.tailUntil !== null || this.#pipe.full) return;
    if (!publisher.reading) {
      // Not read, and yet an event: the caller is gone.
      this.#beginTail(publisher);
      return;
    }
    const code = this.#receive(publisher);
    if (code <= 0 && code !== -NOTHING_TO_READ) this.#beginTail(publisher);
    else if (publisher.spent) this.#gone(publisher);
  }

  #receive(publisher: Publisher): number {
    const { bytes, code } = this.#pipe.batch(publisher.connection, (into) => this.#srt.receive(publisher.socket, into));
    if (bytes > 0) {
      this.#portCheck?.received();
      publisher.spent = this.#srt.lastSequence >= SEQUENCE_LAST;
    }
    return code;
  }

  #beginTail(publisher: Publisher): void {
    this.#srt.unwatch(this.#epoll, publisher.socket);
    publisher.tailUntil = performance.now() + this.#srt.latencyMs(publisher.socket) + TAIL_MS;
    this.#tails.add(publisher);
  }

  /** A tail that is not asked for waits until it is, or until our process closes it. */
  #readTail(publisher: Publisher): void {
    if (!publisher.reading || this.#pipe.full) return;
    this.#receive(publisher);
    if (performance.now() >= (publisher.tailUntil ?? 0)) this.#gone(publisher);
  }

  #gone(publisher: Publisher): void {
    this.#report({ kind: 'gone', connection: publisher.connection });
    this.#close(publisher);
  }

  #close(publisher: Publisher): void {
    this.#bySocket.delete(publisher.socket);
    this.#byConnection.delete(publisher.connection);
    this.#tails.delete(publisher);
    if (publisher.tailUntil === null) this.#srt.unwatch(this.#epoll, publisher.socket);
    this.#srt.close(publisher.socket);
  }

  #closeAll(): void {
    for (const publisher of [...this.#bySocket.values()]) this.#close(publisher);
  }

  /** Left out while nobody reads the pipe: what it says is counted on. */
  #pulse(): void {
    if (this.#pipe.full) return;
    const unfinished: string[] = [];
    for (const [socket, { keyHash, since }] of this.#shaking) {
      if (performance.now() - since < HANDSHAKE_MS) continue;
      this.#shaking.delete(socket);
      unfinished.push(keyHash);
    }
    const live = [...this.#bySocket.values()].filter(({ tailUntil }) => tailUntil === null);
    const samples = live.flatMap(({ socket, connection }) => this.#srt.sample(socket, connection) ?? []);
    const rejected = this.#rejected;
    this.#rejected = {};
    this.#report({ kind: 'pulse', samples, rejected, unfinished });
  }

  #report(report: ListenerReport): void {
    this.#pipe.report(report);
  }
}
