import { Writable } from 'node:stream';
import type { Sender, SenderEnd, StartSender } from './sender.js';
import type { SenderOrder } from './sender-order.js';

/** A process that only seems to be one: what it takes is kept, and it ends when the test says so. */
export class FakeSender implements Sender {
  readonly order: SenderOrder;
  readonly sending: () => void;
  readonly input: Writable;
  readonly done: Promise<SenderEnd>;
  killed = false;
  /** Whether it reads. */
  reads = true;
  #taken: Buffer[] = [];
  #held: (() => void)[] = [];
  #end: (end: SenderEnd) => void = () => {};

  constructor(order: SenderOrder, onSending: () => void) {
    this.order = order;
    this.sending = onSending;
    this.done = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.input = new Writable({
      write: (piece: Buffer, _encoding, done) => {
        this.#taken.push(piece);
        if (this.reads) done();
        else this.#held.push(done);
      },
      final: (done) => {
        done();
        this.end({ summary: 'said goodbye' });
      },
    });
  }

  get taken(): Buffer {
    return Buffer.concat(this.#taken);
  }

  kill(): void {
    this.killed = true;
    this.end({ summary: 'killed' });
  }

  end({ stderr = '', summary = '' }: Partial<SenderEnd>): void {
    this.input.destroy();
    this.#end({ stderr, summary });
  }

  readOn(): void {
    this.reads = true;
    for (const done of this.#held.splice(0)) done();
  }
}

/** Starts fake senders and keeps them. */
export function fakeStarter(): { readonly senders: FakeSender[]; readonly start: StartSender } {
  const senders: FakeSender[] = [];
  return {
    senders,
    start(order, onSending) {
      const sender = new FakeSender(order, onSending);
      senders.push(sender);
      return sender;
    },
  };
}

/** Lets promises and streams that are due go on. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
