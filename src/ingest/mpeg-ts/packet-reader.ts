export const PACKET_BYTES = 188;
const SYNC = 0x47;

/**
 * Cuts a byte stream into transport packets, and finds its way back after garbage: a lost beat is believed to be found
 * where two sync bytes stand 188 bytes apart.
 *
 * Lifetime: one stream. Keeps at most one packet between two calls.
 */
export class PacketReader {
  readonly #onPacket: (bytes: Buffer, at: number) => void;
  #rest: Buffer = Buffer.alloc(0);
  #inSync = true;
  #syncLosses = 0;

  /** `onPacket` gets the buffer and where the packet's 188 bytes begin in it; they are valid during the call alone. */
  constructor(onPacket: (bytes: Buffer, at: number) => void) {
    this.#onPacket = onPacket;
  }

  /** How often the beat was lost. */
  get syncLosses(): number {
    return this.#syncLosses;
  }

  push(fresh: Buffer): void {
    const bytes = this.#rest.length === 0 ? fresh : Buffer.concat([this.#rest, fresh]);
    let at = 0;
    for (;;) {
      if (!this.#inSync) at = this.#findBeat(bytes, at);
      if (at + PACKET_BYTES > bytes.length || !this.#inSync) break;
      if (bytes[at] !== SYNC) {
        this.#inSync = false;
        this.#syncLosses++;
        continue;
      }
      this.#onPacket(bytes, at);
      at += PACKET_BYTES;
    }
    this.#rest = at >= bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
  }

  /** Where the next packet begins; without enough bytes to be sure, where it might. */
  #findBeat(bytes: Buffer, from: number): number {
    let at = bytes.indexOf(SYNC, from);
    while (at !== -1 && at + PACKET_BYTES < bytes.length) {
      if (bytes[at + PACKET_BYTES] === SYNC) {
        this.#inSync = true;
        return at;
      }
      at = bytes.indexOf(SYNC, at + 1);
    }
    return at === -1 ? bytes.length : at;
  }
}
