import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';

const EVERY_MS = 2000;
/** So many checks in a row without a sign, and the port is deaf. */
const MISSES_MAX = 3;
/** A check that comes this much too late, as a part of the pause, judges nothing: the whole process was held up. */
const LATE = 0.5;
/** draft-sharabayko-srt §3.2.1: a control packet's header, then the handshake. */
const INDUCTION_BYTES = 64;
const CONTROL_HANDSHAKE = 0x8000;

/**
 * Whether the port still lives, from what was seen between two checks. A port that has never answered is not judged: a
 * firewall may keep us from it. What publishers send counts as a sign as well, because libsrt has one receiving thread for
 * both: in a flood our own handshakes may be among what is lost.
 */
export class PortVitals {
  readonly #everyMs: number;
  #hasAnswered = false;
  #sign = false;
  #misses = 0;
  #checkedAt: number | null = null;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  answered(): void {
    this.#hasAnswered = true;
    this.#sign = true;
  }

  received(): void {
    this.#sign = true;
  }

  /** To be asked once every pause; `now`: monotonic ms. */
  isDeaf(now: number): boolean {
    const late = this.#checkedAt !== null && now - this.#checkedAt > this.#everyMs * (1 + LATE);
    this.#checkedAt = now;
    if (this.#sign) this.#misses = 0;
    else if (this.#hasAnswered && !late) this.#misses++;
    this.#sign = false;
    return this.#misses >= MISSES_MAX;
  }
}

export interface PortCheckOptions {
  /** Where the SRT port is bound: a numeric address, or one that means all. */
  readonly host: string;
  readonly port: number;
  /** Called once. */
  readonly deaf: () => void;
  readonly everyMs?: number;
}

/**
 * Calls at our own SRT port, as any stranger may, to see whether libsrt still answers: its receiving thread can get stuck
 * while all else in this process goes on.
 *
 * Lifetime: from construction until the port is deaf, or `close`. A call is an induction (draft-sharabayko-srt §4.3.1),
 * which libsrt answers and forgets.
 */
export class PortCheck {
  readonly #host: string;
  readonly #port: number;
  readonly #deaf: () => void;
  readonly #vitals: PortVitals;
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;

  constructor({ host, port, deaf, everyMs = EVERY_MS }: PortCheckOptions) {
    this.#host = reachable(host);
    this.#port = port;
    this.#deaf = deaf;
    this.#vitals = new PortVitals(everyMs);
    this.#socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    // What cannot be sent is not answered, and that is what counts.
    this.#socket.on('error', () => {});
    this.#socket.on('message', (bytes, from) => {
      if (from.port === port && isHandshake(bytes)) this.#vitals.answered();
    });
    this.#timer = setInterval(() => this.#check(), everyMs);
    this.#call();
  }

  /** Something came from a publisher. */
  received(): void {
    this.#vitals.received();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }

  #check(): void {
    if (!this.#vitals.isDeaf(performance.now())) {
      this.#call();
      return;
    }
    this.close();
    this.#deaf();
  }

  #call(): void {
    this.#socket.send(INDUCTION, this.#port, this.#host, () => {});
  }
}

/** An address that means all of the machine's is reached by the machine's own. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

function isHandshake(bytes: Buffer): boolean {
  return bytes.length >= INDUCTION_BYTES && bytes.readUInt16BE(0) === CONTROL_HANDSHAKE;
}

const INDUCTION = writeInduction();

/** Header: to no socket yet. Cookie and address stay zero. */
function writeInduction(): Buffer {
  const bytes = Buffer.alloc(INDUCTION_BYTES);
  bytes.writeUInt16BE(CONTROL_HANDSHAKE, 0);
  // Version 4, as every caller begins; socket type "datagram".
  bytes.writeUInt32BE(4, 16);
  bytes.writeUInt16BE(2, 22);
  // First sequence number, packet size, window, "induction", our socket's number.
  for (const [index, value] of [1, 1500, 8192, 1, 1].entries()) bytes.writeUInt32BE(value, 24 + 4 * index);
  return bytes;
}
