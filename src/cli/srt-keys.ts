import type { KeyChange } from '../ingest/srt/key-table.js';
import type { Catalog } from '../metadata/catalog.js';
import type { Entry } from '../metadata/entries.js';

/** The part of the catalog that this reads. */
type ChannelSource = Pick<Catalog, 'channels' | 'follow'>;

const PAGE = 500;

/** The channels' keys and passphrases, for the SRT listener, which has to know them before a caller is let in. */
export class SrtKeys {
  readonly #source: ChannelSource;

  constructor(source: ChannelSource) {
    this.#source = source;
  }

  /**
   * Tells of every channel, and then of each change, before whoever makes it is answered. Resolves after the first part, with
   * the way to stop; fails as the catalog does. What changes meanwhile is told at the end: a channel that was read before its
   * change, or after it, comes out the same.
   */
  async follow(listener: (change: KeyChange) => void): Promise<() => void> {
    const meanwhile: KeyChange[] = [];
    let tell = (change: KeyChange): void => void meanwhile.push(change);
    const stop = this.#source.follow(({ entry }) => {
      const change = changeOf(entry);
      if (change !== null) tell(change);
    });
    try {
      await this.#readAll(listener);
    } catch (error) {
      stop();
      throw error;
    }
    for (const change of meanwhile) listener(change);
    tell = listener;
    return stop;
  }

  async #readAll(listener: (change: KeyChange) => void): Promise<void> {
    for (let after: string | undefined; ; ) {
      const page = await this.#source.channels({ limit: PAGE, ...(after === undefined ? {} : { after }) });
      for (const { name, streamKey, settings } of page) {
        listener({ channel: name, streamKey, passphrase: settings.srtPassphrase });
      }
      if (page.length < PAGE) return;
      after = page.at(-1)?.name;
    }
  }
}

function changeOf(entry: Entry): KeyChange | null {
  switch (entry.type) {
    case 'channel.created':
    case 'channel.key-rotated':
      return { channel: entry.data.name, streamKey: entry.data.streamKey };
    case 'channel.configured': {
      const { name, settings } = entry.data;
      return settings.srtPassphrase === undefined ? null : { channel: name, passphrase: settings.srtPassphrase };
    }
    case 'channel.deleted':
      return { channel: entry.data.name, gone: true };
    default:
      return null;
  }
}
