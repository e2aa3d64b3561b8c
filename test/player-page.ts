import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { until } from './box.js';
import { Screen, type Shown } from './screen.js';

/** A player as its makers ship it, with the settings that they name for the purpose. */
export type PlayerKind = 'hls.js' | 'hls.js low latency' | 'shaka';

const shakaFile = '../test/players/node_modules/shaka-player/dist/shaka-player.compiled.js';

interface PlayerScript {
  readonly file: string;
  /** As text, because it runs in the page. Sets `window.player`. */
  start(url: string): string;
}

const hlsJs = (settings: string): PlayerScript => ({
  file: createRequire(import.meta.url).resolve('hls.js/dist/hls.min.js'),
  start: (url) => `(() => {
    const hls = new Hls(${settings});
    window.hls = hls;
    window.player = { complaints: [], fatal: [], latency: () => hls.latency, target: () => hls.targetLatency };
    hls.on(Hls.Events.ERROR, (_, { fatal, type, details }) => {
      player.complaints.push(type + ' ' + details);
      if (fatal) player.fatal.push(type + ' ' + details);
    });
    hls.loadSource('${url}');
    hls.attachMedia(document.querySelector('video'));
  })()`,
});

const scripts: Readonly<Record<PlayerKind, PlayerScript>> = {
  'hls.js': hlsJs('{ lowLatencyMode: false }'),
  'hls.js low latency': hlsJs('{ lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.5 }'),
  shaka: {
    file: fileURLToPath(new URL(shakaFile, import.meta.url)),
    start: (url) => `(async () => {
      window.player = { complaints: [], fatal: [], latency: () => 0, target: () => null };
      const shakaPlayer = new shaka.Player();
      player.latency = () => shakaPlayer.getStats().liveLatency;
      const liveSync = { enabled: true, targetLatency: 2, targetLatencyTolerance: 0.5, maxPlaybackRate: 1.3 };
      shakaPlayer.configure({ streaming: { lowLatencyMode: true, liveSync } });
      shakaPlayer.addEventListener('error', ({ detail }) => {
        player.complaints.push(detail.code + ' ' + detail.data);
        if (detail.severity === 2) player.fatal.push(detail.code + ' ' + detail.data);
      });
      await shakaPlayer.attach(document.querySelector('video'));
      await shakaPlayer.load('${url}').catch((error) => player.fatal.push(String(error)));
    })()`,
  },
};

/** What the player itself says of how it goes. */
export interface PlayerState {
  /** All that it told, also what it got over. */
  readonly complaints: readonly string[];
  readonly fatal: readonly string[];
  /** Behind the live edge by its own estimate, seconds. */
  readonly latency: number;
  /** Where it wants to be; null where it does not say. */
  readonly target: number | null;
}

/**
 * A player that is not ours, alone on a page of this box's door: no page of ours helps it.
 *
 * Lifetime: from `open` to `close`.
 */
export class PlayerPage {
  readonly page: Page;
  readonly #screen: Screen;

  private constructor(page: Page, screen: Screen) {
    this.page = page;
    this.#screen = screen;
  }

  /** The playlist must be there. */
  static async open(browser: Browser, kind: PlayerKind, url: string): Promise<PlayerPage> {
    const page = await browser.newPage({ bypassCSP: true, viewport: { width: 400, height: 300 } });
    const screen = await Screen.before(page);
    const { file, start } = scripts[kind];
    // Any small answer of the same door.
    await page.goto(new URL('/time', url).href);
    await page.addScriptTag({ path: file });
    await page.evaluate(`{
      const video = document.body.appendChild(document.createElement('video'));
      video.muted = true;
      video.autoplay = true;
      video.width = 320;
    }`);
    await page.evaluate(start(url));
    return new PlayerPage(page, screen);
  }

  shown(): Promise<Shown> {
    return this.#screen.shown();
  }

  state(): Promise<PlayerState> {
    return this.page.evaluate<PlayerState>('({ ...player, latency: player.latency(), target: player.target() })');
  }

  /** Resolves when so many seconds more have been played. */
  async plays(seconds: number): Promise<Shown> {
    const from = (await this.shown()).playedSec;
    try {
      await until(async () => (await this.shown()).playedSec >= from + seconds, 60_000);
    } catch {
      const said = JSON.stringify([await this.shown(), await this.state()]);
      throw new Error(`it did not play ${seconds} s: ${await this.#screen.stand()}, ${said}`);
    }
    return this.shown();
  }

  close(): Promise<void> {
    return this.page.close();
  }
}
