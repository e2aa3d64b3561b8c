import type { Browser } from 'playwright-core';
import type { ApiClient } from '../src/cli/api-client.js';
import type { TestBox } from './box.js';
import { until } from './box.js';
import { KeptRun } from './kept-run.js';
import { Screen, type Shown } from './screen.js';

export interface Channel {
  readonly name: string;
  readonly streamKey: string;
  readonly rtmpUrl: string;
  readonly rtmpsUrl: string;
  readonly srtUrl: string;
  readonly hlsUrl: string;
  readonly dashUrl: string;
  readonly watchUrl: string;
}

export interface LiveStatus {
  readonly channel: string;
  readonly state: 'live' | 'slate' | 'holding';
  readonly broadcastId: string;
  readonly sources: readonly { readonly role: string; readonly protocol: string; readonly onAir: boolean }[];
}

export async function newChannel(api: ApiClient, name: string, settings: object): Promise<Channel> {
  await api.post('/v1/channels', { name });
  if (Object.keys(settings).length > 0) await api.patch(`/v1/channels/${name}`, settings);
  return api.get<Channel>(`/v1/channels/${name}`);
}

export const liveNow = async (api: ApiClient): Promise<readonly LiveStatus[]> =>
  (await api.get<{ live: LiveStatus[] }>('/v1/status')).live;

/** What a viewer saw from one moment to another. */
export interface Seen {
  readonly stalledSec: number;
  readonly skippedSec: number;
  readonly errors: readonly string[];
  /** What the player had when it stood, for a test's last words. */
  readonly stands: readonly string[];
}

/** The player is some three segments behind: what it has been given lasts for as long. */
const AHEAD_SEC = 8;

/** A channel with a viewer at a screen, and one who keeps all that is served. Lives from `open` to the end of the browser. */
export class WatchedChannel {
  readonly channel: Channel;
  readonly run: KeptRun;
  readonly #on: { readonly box: TestBox; readonly api: ApiClient };
  readonly #screen: Screen;
  #before: Shown | null = null;

  private constructor(on: { box: TestBox; api: ApiClient }, channel: Channel, screen: Screen) {
    this.#on = on;
    this.channel = channel;
    this.#screen = screen;
    this.run = KeptRun.follow(channel.hlsUrl);
  }

  static async open(
    on: { box: TestBox; api: ApiClient; browser: Browser },
    name: string,
    settings: object,
  ): Promise<WatchedChannel> {
    const channel = await newChannel(on.api, name, settings);
    return new WatchedChannel(on, channel, await Screen.open(on.browser, channel.watchUrl));
  }

  async status(): Promise<LiveStatus | null> {
    return (await liveNow(this.#on.api)).find(({ channel }) => channel === this.channel.name) ?? null;
  }

  until(condition: (status: LiveStatus | null) => boolean, words: string): Promise<void> {
    const waiting = () => `${this.channel.name}: ${words}\n${this.#on.box.printed().slice(-4000)}`;
    return until(async () => condition(await this.status()), 60_000, waiting, 250);
  }

  /** Pictures move on, in one piece, for so long. What comes after is a fault's. */
  async steady(seconds: number): Promise<void> {
    const moving = async () => (await this.#screen.shown()).steadySec > seconds;
    await this.#comesTo(moving);
    this.#before = await this.#screen.shown();
  }

  /** Waits until a player has come to what is served now, and says what was seen since `steady`. */
  async seen(): Promise<Seen> {
    const from = await this.#screen.shown();
    const passed = async () => (await this.#screen.shown()).playedSec > from.playedSec + AHEAD_SEC;
    await this.#comesTo(passed);
    const { stalledSec, skippedSec, errors, stands } = await this.#screen.shown();
    const before = this.#before ?? from;
    return {
      stalledSec: stalledSec - before.stalledSec,
      skippedSec: skippedSec - before.skippedSec,
      errors,
      stands,
    };
  }

  async #comesTo(shown: () => Promise<boolean>): Promise<void> {
    await until(shown, 60_000).catch(async () => {
      const printed = this.#on.box.printed().slice(-4000);
      throw new Error(`${this.channel.name} stands: ${await this.#screen.stand()}\n${printed}`);
    });
  }

  /** What a playlist said that is not there, seconds; the most that any of them did. */
  get gapsSec(): number {
    const lengths = [...this.run.renditions.values()].map(({ segments }) =>
      [...segments.values()].reduce((sum, { gap, durationSec }) => sum + (gap ? durationSec : 0), 0),
    );
    return Math.max(0, ...lengths);
  }

  /** How often the playlists of this channel said that it is broken; the most that any of them did. */
  get discontinuities(): number {
    const counts = [...this.run.renditions.values()].map(
      ({ segments }) => [...segments.values()].filter(({ discontinuity }) => discontinuity).length,
    );
    return Math.max(0, ...counts);
  }
}
