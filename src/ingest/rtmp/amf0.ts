/**
 * Reads AMF0 (Action Message Format 0, Adobe 2007) from foreign bytes: every length is checked, nesting and the number of
 * values are bounded, and names never become properties of a prototype. References, typed objects and AMF3 are refused:
 * no publisher needs them.
 */
export type AmfValue = number | boolean | string | null | undefined | AmfValue[] | Map<string, AmfValue>;

export class AmfError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AmfError';
  }
}

const DEPTH_MAX = 8;
const VALUES_MAX = 2048;
const OBJECT_END = 0x09;

/** All values of a command or data message, in order. Throws AmfError. */
export function readAmf0(bytes: Buffer): AmfValue[] {
  const reader = new AmfReader(bytes);
  const values: AmfValue[] = [];
  while (!reader.atEnd) values.push(reader.value(0));
  return values;
}

class AmfReader {
  readonly #bytes: Buffer;
  #at = 0;
  #values = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  value(depth: number): AmfValue {
    if (depth > DEPTH_MAX) throw new AmfError(`nested deeper than ${DEPTH_MAX}`);
    if (++this.#values > VALUES_MAX) throw new AmfError(`more than ${VALUES_MAX} values`);
    const marker = this.#take(1).readUInt8();
    switch (marker) {
      case 0x00:
        return this.#take(8).readDoubleBE();
      case 0x01:
        return this.#take(1).readUInt8() !== 0;
      case 0x02:
        return this.#text(2);
      case 0x03:
        return this.#object(depth);
      case 0x05:
        return null;
      case 0x06:
        return undefined;
      case 0x08:
        // The count of an ECMA array is a hint: its end marker counts (§2.10).
        this.#take(4);
        return this.#object(depth);
      case 0x0a:
        return this.#array(depth);
      case 0x0b:
        return this.#date();
      case 0x0c:
        return this.#text(4);
      default:
        throw new AmfError(`marker ${marker} is not understood`);
    }
  }

  #object(depth: number): Map<string, AmfValue> {
    const properties = new Map<string, AmfValue>();
    for (;;) {
      const name = this.#text(2);
      if (name === '') {
        if (this.#take(1).readUInt8() !== OBJECT_END) throw new AmfError('an object has a property without a name');
        return properties;
      }
      properties.set(name, this.value(depth + 1));
    }
  }

  #array(depth: number): AmfValue[] {
    const count = this.#take(4).readUInt32BE();
    const values: AmfValue[] = [];
    for (let index = 0; index < count; index++) values.push(this.value(depth + 1));
    return values;
  }

  /** Milliseconds since 1970 and a time zone that is always 0 (§2.13). */
  #date(): number {
    const ms = this.#take(8).readDoubleBE();
    this.#take(2);
    return ms;
  }

  #text(lengthBytes: 2 | 4): string {
    const length = this.#take(lengthBytes).readUIntBE(0, lengthBytes);
    return this.#take(length).toString('utf8');
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new AmfError('the message ends too early');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
