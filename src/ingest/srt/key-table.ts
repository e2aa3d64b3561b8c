import type { KnownKey } from './listener-messages.js';
import { hashOfKey } from './stream-id.js';

/** What became of a channel, as far as SRT callers are concerned. What is not named stays as it was. */
export type KeyChange =
  | { readonly channel: string; readonly streamKey?: string; readonly passphrase?: string | null }
  | { readonly channel: string; readonly gone: true };

/** What the listener has to be told of a change. */
export interface KeyDifference {
  readonly put: readonly KnownKey[];
  readonly drop: readonly string[];
}

/** Some 200 bytes each. Channels beyond can't be published on over SRT. */
const CHANNELS_MAX = 100_000;
const NOTHING: KeyDifference = { put: [], drop: [] };

/** The stream keys that there are, as hashes, and what callers with them have to encrypt with. Lives as long as the server. */
export class KeyTable {
  readonly #max: number;
  readonly #byChannel = new Map<string, KnownKey>();
  readonly #byHash = new Map<string, KnownKey>();

  constructor(max = CHANNELS_MAX) {
    this.#max = max;
  }

  /** Null where there is no room for another channel. */
  apply(change: KeyChange): KeyDifference | null {
    const { channel } = change;
    const before = this.#byChannel.get(channel);
    if ('gone' in change) {
      this.#forget(channel, before);
      return before === undefined ? NOTHING : { put: [], drop: [before.keyHash] };
    }
    const keyHash = change.streamKey === undefined ? before?.keyHash : hashOfKey(change.streamKey);
    if (keyHash === undefined) return NOTHING;
    if (before === undefined && this.#byChannel.size >= this.#max) return null;
    const { passphrase = before?.passphrase ?? null } = change;
    const now = { keyHash, passphrase };
    this.#forget(channel, before);
    this.#byChannel.set(channel, now);
    this.#byHash.set(keyHash, now);
    return { put: [now], drop: before === undefined || before.keyHash === keyHash ? [] : [before.keyHash] };
  }

  mustEncrypt(keyHash: string): boolean {
    return (this.#byHash.get(keyHash)?.passphrase ?? null) !== null;
  }

  /** All of them, in pieces of at most so many. */
  *pieces(size: number): Generator<KnownKey[]> {
    let piece: KnownKey[] = [];
    for (const key of this.#byHash.values()) {
      piece.push(key);
      if (piece.length < size) continue;
      yield piece;
      piece = [];
    }
    if (piece.length > 0) yield piece;
  }

  #forget(channel: string, key: KnownKey | undefined): void {
    if (key === undefined) return;
    this.#byChannel.delete(channel);
    this.#byHash.delete(key.keyHash);
  }
}
