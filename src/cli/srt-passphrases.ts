import type { Catalog } from '../metadata/catalog.js';
import type { ChannelPassphrase } from '../metadata/records.js';

/** The part of the catalog that this reads. */
type PassphraseSource = Pick<Catalog, 'channelPassphrases' | 'follow'>;

const PAGE = 500;
/** Entries after which a channel may have another passphrase, another key, or be gone. */
const CHANGES: ReadonlySet<string> = new Set(['channel.configured', 'channel.key-rotated', 'channel.deleted']);

/** What SRT publishers must encrypt with, for the listener that has to know before a publisher is let in. */
export class SrtPassphrases {
  readonly #source: PassphraseSource;
  readonly #max: number;

  /** `max`: so many are read, in the order of the channels' names; a bound for whoever keeps them in memory. */
  constructor(source: PassphraseSource, max = 100_000) {
    this.#source = source;
    this.#max = max;
  }

  /** As they are now; fails as the catalog does. */
  async all(): Promise<ChannelPassphrase[]> {
    const found: ChannelPassphrase[] = [];
    for (let after: string | undefined; found.length < this.#max; ) {
      const limit = Math.min(PAGE, this.#max - found.length);
      const page = await this.#source.channelPassphrases({ limit, ...(after === undefined ? {} : { after }) });
      found.push(...page);
      if (page.length < limit) break;
      after = page.at(-1)?.channel;
    }
    return found;
  }

  /** Calls the listener after each change that may have made `all` another; returns the way to stop. */
  onChange(listener: () => void): () => void {
    return this.#source.follow(({ entry }) => {
      if (CHANGES.has(entry.type)) listener();
    });
  }
}
