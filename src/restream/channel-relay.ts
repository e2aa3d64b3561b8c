import { readRestreamUrl } from '../media/restream-address.js';
import type { SourceFacts } from '../media/source-facts.js';
import { FeedReader } from './feed-reader.js';
import { ParameterSets } from './parameter-sets.js';
import { type OfferedFeed, RestreamTarget, type RestreamTargetOptions, type TargetStatus } from './restream-target.js';

/** A target as it is set. */
export interface TargetSetting {
  readonly name: string;
  readonly url: string;
}

/** The copy of one feed; what is pushed is read at once, and never waits. */
export interface FeedCopy {
  push(piece: Buffer): void;
}

/**
 * One broadcast on its way to the targets of its channel.
 *
 * Lifetime: from the broadcast's first feed; `end` with the broadcast. Feeds follow one another; targets come and go.
 */
export class ChannelRelay {
  readonly channel: string;
  readonly #options: RelayOptions;
  readonly #targets = new Map<string, { readonly url: string; readonly target: RestreamTarget }>();
  /** Removed, and saying goodbye. */
  readonly #leaving = new Set<RestreamTarget>();
  #offer: OfferedFeed | null = null;
  #current: FeedCopy | null = null;

  constructor(channel: string, options: RelayOptions) {
    this.channel = channel;
    this.#options = options;
  }

  get statuses(): TargetStatus[] {
    return [...this.#targets.values()].map(({ target }) => target.status);
  }

  /** Nothing of it is left. */
  get over(): boolean {
    return this.#targets.size === 0 && this.#leaving.size === 0;
  }

  openFeed(facts: SourceFacts): FeedCopy {
    const reader = new FeedReader();
    let sets: ParameterSets | null = null;
    const copy: FeedCopy = {
      push: (piece) => {
        if (this.#current !== copy) return;
        for (const item of reader.push(piece)) {
          if (item.kind === 'header') {
            sets = new ParameterSets(facts.video?.codec ?? null, item);
            this.#begin({ facts, header: sets.header, headerForTs: sets.headerForTs });
          } else if (sets !== null) this.#give(sets.bytesOf(item), item.opens);
        }
        if (reader.broken) this.#giveUp();
      },
    };
    this.#current = copy;
    return copy;
  }

  /** What is new begins, what is gone or has another address ends. Addresses that cannot be read are passed over. */
  setTargets(settings: readonly TargetSetting[]): void {
    const wanted = new Map(settings.map(({ name, url }) => [name, url]));
    for (const [name, { url, target }] of this.#targets) {
      if (wanted.get(name) !== url) this.#remove(name, target);
    }
    for (const [name, url] of wanted) {
      if (!this.#targets.has(name)) this.#add(name, url);
    }
  }

  tick(): void {
    for (const { target } of this.#targets.values()) target.tick();
    for (const target of this.#leaving) target.tick();
  }

  end(): void {
    for (const [name, { target }] of this.#targets) this.#remove(name, target);
  }

  kill(): void {
    for (const target of this.#leaving) target.kill();
  }

  /** Until the next feed. */
  #giveUp(): void {
    this.#current = null;
    this.#options.log.error({ channel: this.channel }, 'the feed cannot be read, and is not restreamed');
  }

  #begin(offer: OfferedFeed): void {
    this.#offer = offer;
    for (const { target } of this.#targets.values()) target.feed(offer);
  }

  #give(pieces: readonly Buffer[], opens: boolean): void {
    for (const { target } of this.#targets.values()) target.take(pieces, opens);
  }

  #add(name: string, url: string): void {
    const reading = readRestreamUrl(url);
    if (!reading.ok) {
      this.#options.log.error({ channel: this.channel, target: name }, 'a target has an address that cannot be read');
      return;
    }
    const target = new RestreamTarget({ ...this.#options, channel: this.channel, name, address: reading.address });
    this.#targets.set(name, { url, target });
    if (this.#offer !== null) target.feed(this.#offer);
  }

  #remove(name: string, target: RestreamTarget): void {
    this.#targets.delete(name);
    this.#leaving.add(target);
    void target.end().then(() => this.#leaving.delete(target));
  }
}

export type RelayOptions = Omit<RestreamTargetOptions, 'channel' | 'name' | 'address'>;
