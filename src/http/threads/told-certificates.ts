import type { Certificates } from '../certificate-files.js';
import type { DoorCertificate } from './thread-messages.js';

/** The certificates of a door's thread: whoever owns the files tells it of each change. */
export class ToldCertificates implements Certificates {
  readonly #listeners = new Set<() => void>();
  #pair: DoorCertificate;

  constructor(pair: DoorCertificate) {
    this.#pair = pair;
  }

  current(): { readonly cert: Buffer; readonly key: Buffer } {
    return { cert: Buffer.from(this.#pair.cert), key: Buffer.from(this.#pair.key) };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  told(pair: DoorCertificate): void {
    this.#pair = pair;
    for (const listener of this.#listeners) listener();
  }
}
