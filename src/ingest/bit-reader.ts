/** Thrown when a header ends before what it promises; readers of headers turn it into "unreadable". */
export class OutOfBits extends Error {
  constructor() {
    super('the header ends too early');
    this.name = 'OutOfBits';
  }
}

/** Reads big-endian bit fields and exponential Golomb codes; every read is checked against the end. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get bitsLeft(): number {
    return this.#bytes.length * 8 - this.#position;
  }

  /** `count` from 0 to 32. */
  bits(count: number): number {
    let value = 0;
    for (let read = 0; read < count; read++) value = value * 2 + this.bit();
    return value;
  }

  bit(): number {
    const byte = this.#bytes[this.#position >> 3];
    if (byte === undefined) throw new OutOfBits();
    const bit = (byte >> (7 - (this.#position & 7))) & 1;
    this.#position++;
    return bit;
  }

  flag(): boolean {
    return this.bit() === 1;
  }

  skip(count: number): void {
    if (count > this.bitsLeft) throw new OutOfBits();
    this.#position += count;
  }

  alignToByte(): void {
    this.#position = (this.#position + 7) & ~7;
  }

  /** ue(v), ITU-T H.264 §9.1; codes longer than 32 bits are no number we can meet. */
  unsignedGolomb(): number {
    let zeros = 0;
    while (this.bit() === 0) {
      zeros++;
      if (zeros > 31) throw new OutOfBits();
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** Bytes of the position, rounded up. */
  get bytePosition(): number {
    return (this.#position + 7) >> 3;
  }

  /** leb128() of AV1 (§4.10.5); values beyond 32 bits are none that we can meet. */
  leb128(): number {
    let value = 0;
    for (let index = 0; index < 8; index++) {
      const byte = this.bits(8);
      value += (byte & 0x7f) * 2 ** (index * 7);
      if (byte < 0x80) return value;
    }
    throw new OutOfBits();
  }

  /** se(v), ITU-T H.264 §9.1.1. */
  signedGolomb(): number {
    const code = this.unsignedGolomb();
    return code % 2 === 0 ? -(code / 2) : (code + 1) / 2;
  }
}
