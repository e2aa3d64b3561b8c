/** Reads a transport stream as strictly as ISO/IEC 13818-1 is written, for tests: whatever is amiss is thrown. */
export interface ReadPes {
  readonly pid: number;
  readonly pts: number;
  readonly dts: number;
  readonly randomAccess: boolean;
  readonly payload: Buffer;
}

export interface ReadClock {
  readonly ticks: number;
  /** Number of the packet that carries it. */
  readonly packet: number;
}

export interface ReadStream {
  readonly pes: readonly ReadPes[];
  readonly clocks: readonly ReadClock[];
  /** Stream types by PID. */
  readonly streams: ReadonlyMap<number, number>;
  readonly clockPid: number;
  readonly tables: number;
}

interface OpenPes {
  pieces: Buffer[];
  randomAccess: boolean;
}

function demand(condition: boolean, words: string): asserts condition {
  if (!condition) throw new Error(words);
}

/** Counters must go on over the whole of `bytes`, from whatever they begin with. */
export class StrictTsReader {
  readonly #pes: ReadPes[] = [];
  readonly #clocks: ReadClock[] = [];
  readonly #open = new Map<number, OpenPes>();
  readonly #continuity = new Map<number, number>();
  #streams = new Map<number, number>();
  #clockPid = -1;
  #pmtPid = -1;
  #tables = 0;

  read(bytes: Buffer): ReadStream {
    demand(bytes.length % 188 === 0, 'bytes beside whole packets');
    for (let packet = 0; packet < bytes.length / 188; packet += 1) {
      this.#packet(bytes.subarray(packet * 188, packet * 188 + 188), packet);
    }
    for (const pid of this.#open.keys()) this.#close(pid);
    const [pes, clocks, streams] = [this.#pes, this.#clocks, this.#streams];
    return { pes, clocks, streams, clockPid: this.#clockPid, tables: this.#tables };
  }

  #packet(bytes: Buffer, number: number): void {
    demand(bytes[0] === 0x47, `packet ${number} begins with no sync byte`);
    const word = bytes.readUInt16BE(1);
    const [pid, unitStart] = [word & 0x1fff, (word & 0x4000) !== 0];
    demand((word & 0x8000) === 0 && (bytes.readUInt8(3) & 0xc0) === 0, 'an error or a scrambled packet');
    const [hasField, hasPayload] = [(bytes.readUInt8(3) & 0x20) !== 0, (bytes.readUInt8(3) & 0x10) !== 0];
    this.#count(pid, bytes.readUInt8(3) & 15, hasPayload);
    const fieldEnd = hasField ? 5 + bytes.readUInt8(4) : 4;
    demand(hasPayload ? fieldEnd < 188 : fieldEnd === 188, `packet ${number} has a field of ${fieldEnd - 5} bytes`);
    const flags = hasField && fieldEnd > 5 ? this.#field(bytes.subarray(5, fieldEnd), pid, number) : 0;
    if (hasPayload) this.#payload(pid, unitStart, (flags & 0x40) !== 0, bytes.subarray(fieldEnd));
  }

  #count(pid: number, continuity: number, hasPayload: boolean): void {
    const before = this.#continuity.get(pid);
    const expected = before === undefined ? continuity : (before + Number(hasPayload)) & 15;
    demand(continuity === expected, `PID ${pid}: the counter went from ${before} to ${continuity}`);
    this.#continuity.set(pid, continuity);
  }

  #field(field: Buffer, pid: number, packet: number): number {
    const flags = field.readUInt8(0);
    demand((flags & ~0x50) === 0, 'an adaptation field says more than we write');
    const used = flags & 0x10 ? 7 : 1;
    demand(
      field.subarray(used).every((byte) => byte === 0xff),
      'stuffing is not stuffing',
    );
    if (flags & 0x10) {
      demand(pid === this.#clockPid, `PID ${pid} carries the clock`);
      const ticks = field.readUInt32BE(1) * 2 + (field.readUInt8(5) >> 7);
      demand((field.readUInt8(5) & 0x7f) === 0x7e && field[6] === 0, 'reserved bits, and the extension');
      this.#clocks.push({ ticks, packet });
    }
    return flags;
  }

  #payload(pid: number, unitStart: boolean, randomAccess: boolean, payload: Buffer): void {
    if (pid === 0) this.#pat(section(payload));
    else if (pid === this.#pmtPid) this.#pmt(section(payload));
    else this.#media(pid, unitStart, randomAccess, payload);
  }

  #media(pid: number, unitStart: boolean, randomAccess: boolean, payload: Buffer): void {
    demand(this.#streams.has(pid), `PID ${pid} is not listed`);
    if (unitStart) {
      this.#close(pid);
      this.#open.set(pid, { pieces: [payload], randomAccess });
    } else {
      const open = this.#open.get(pid);
      demand(open !== undefined && !randomAccess, `PID ${pid} goes on with what has not begun`);
      open.pieces.push(payload);
    }
  }

  #pat(body: Buffer): void {
    demand(body[0] === 0x00 && body.length === 16, 'a PAT with one program');
    this.#pmtPid = body.readUInt16BE(10) & 0x1fff;
    this.#tables += 1;
  }

  #pmt(body: Buffer): void {
    demand(body[0] === 0x02, 'a PMT');
    this.#clockPid = body.readUInt16BE(8) & 0x1fff;
    this.#streams = new Map();
    for (let at = 12; at < body.length - 4; at += 5) {
      this.#streams.set(body.readUInt16BE(at + 1) & 0x1fff, body.readUInt8(at));
    }
    demand(this.#streams.has(this.#clockPid), 'the clock has a PID of its own');
  }

  #close(pid: number): void {
    const open = this.#open.get(pid);
    if (open === undefined) return;
    this.#open.delete(pid);
    this.#pes.push(readPes(pid, Buffer.concat(open.pieces), open.randomAccess));
  }
}

/** Without its stuffing; the CRC must hold. */
function section(payload: Buffer): Buffer {
  demand(payload[0] === 0, 'a section begins where its packet begins');
  const length = 3 + (payload.readUInt16BE(2) & 0xfff);
  const body = payload.subarray(1, 1 + length);
  demand(
    payload.subarray(1 + length).every((byte) => byte === 0xff),
    'behind a section there is stuffing',
  );
  let crc = 0xffffffff;
  for (const byte of body) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      const carry = (crc >>> 31) ^ ((byte >> bit) & 1);
      crc = (crc << 1) ^ (carry === 1 ? 0x04c11db7 : 0);
    }
  }
  demand(crc === 0, 'the CRC of a section');
  return body;
}

function readPes(pid: number, bytes: Buffer, randomAccess: boolean): ReadPes {
  demand(bytes.readUIntBE(0, 3) === 1, 'a PES packet begins with a start code');
  const streamId = bytes.readUInt8(3);
  const length = bytes.readUInt16BE(4);
  demand(length === bytes.length - 6 || (length === 0 && streamId === 0xe0), `a PES packet of ${length} bytes`);
  demand(length > 0 || bytes.length - 6 > 0xffff, 'a short PES packet says its length');
  const flags = bytes.readUInt8(7);
  const headBytes = bytes.readUInt8(8);
  const stamps = flags === 0xc0 ? 10 : 5;
  demand(bytes[6] === 0x84 && (flags === 0x80 || flags === 0xc0) && headBytes >= stamps, 'a PES head');
  const stuffing = bytes.subarray(9 + stamps, 9 + headBytes);
  demand(stuffing.length <= 32 && stuffing.every((byte) => byte === 0xff), 'stuffing of a PES head');
  const pts = stamp(bytes, 9, flags === 0xc0 ? 3 : 2);
  const dts = flags === 0xc0 ? stamp(bytes, 14, 1) : pts;
  return { pid, pts, dts, randomAccess, payload: bytes.subarray(9 + headBytes) };
}

function stamp(bytes: Buffer, at: number, prefix: number): number {
  const [first, middle, last] = [bytes.readUInt8(at), bytes.readUInt16BE(at + 1), bytes.readUInt16BE(at + 3)];
  demand(first >> 4 === prefix && (first & middle & last & 1) === 1, 'the markers of a time');
  return ((first >> 1) & 7) * 2 ** 30 + (middle >> 1) * 2 ** 15 + (last >> 1);
}
