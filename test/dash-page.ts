import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';

/** A DASH player that is not ours, in a page of a real browser, on the origin of what it plays. */
export type DashPlayer = 'shaka' | 'dashjs';

export interface DashPlayback {
  readonly time: number;
  readonly frames: number;
  readonly paused: boolean;
  readonly ended: boolean;
  /** The player's own estimate of how far behind live it is, seconds; null: it has none. */
  readonly latencySec: number | null;
  readonly buffering: number;
  readonly errors: readonly string[];
}

const scripts: Readonly<Record<DashPlayer, string>> = {
  shaka: 'shaka-player/dist/shaka-player.compiled.js',
  dashjs: 'dashjs/dist/modern/umd/dash.all.min.js',
};

// As text, because these run in the page: the tests' own code knows no DOM.
const open: Readonly<Record<DashPlayer, (url: string) => string>> = {
  shaka: (url) => `(async () => {
    const video = document.querySelector('video');
    window.told = { errors: [], buffering: 0 };
    const player = new shaka.Player();
    player.configure({ streaming: { lowLatencyMode: true } });
    player.addEventListener('error', ({ detail }) => {
      told.errors.push(detail.severity + ' ' + detail.code + ' ' + JSON.stringify(detail.data).slice(0, 200));
    });
    player.addEventListener('buffering', ({ buffering }) => { told.buffering += buffering ? 1 : 0; });
    window.latency = () => player.getStats().liveLatency;
    window.player = player;
    await player.attach(video);
    await player.load(${JSON.stringify(url)});
    await video.play();
  })()`,
  dashjs: (url) => `(async () => {
    const video = document.querySelector('video');
    window.told = { errors: [], buffering: 0 };
    const player = dashjs.MediaPlayer().create();
    player.on('error', ({ error }) => told.errors.push(error.code + ' ' + error.message));
    video.addEventListener('waiting', () => { told.buffering += 1; });
    window.latency = () => player.getCurrentLiveLatency();
    window.player = player;
    player.updateSettings({ streaming: { liveCatchup: { enabled: true } } });
    player.initialize(video, ${JSON.stringify(url)}, true);
  })()`,
};

const read = `(() => {
  const video = document.querySelector('video');
  const latencySec = latency();
  return {
    time: video.currentTime,
    frames: video.getVideoPlaybackQuality().totalVideoFrames,
    paused: video.paused,
    ended: video.ended,
    latencySec: Number.isFinite(latencySec) ? latencySec : null,
    ...told,
  };
})()`;

export async function openDashPage(browser: Browser, player: DashPlayer, url: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(new URL('/time', url).href);
  await page.setContent('<video muted autoplay></video>');
  await page.addScriptTag({ path: fileURLToPath(new URL(`players/node_modules/${scripts[player]}`, import.meta.url)) });
  await page.evaluate(open[player](url));
  return page;
}

export function dashPlayback(page: Page): Promise<DashPlayback> {
  return page.evaluate(read) as Promise<DashPlayback>;
}
