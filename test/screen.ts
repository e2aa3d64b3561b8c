import type { Browser, Page } from 'playwright-core';

/** What a viewer saw on a watch page since its first picture. */
export interface Shown {
  readonly frames: number;
  /** Of the broadcast, seconds. */
  readonly playedSec: number;
  /** Seconds in which nothing moved, and the longest of them in one piece. */
  readonly stalledSec: number;
  readonly longestStallSec: number;
  /** For how long pictures have moved without a stand, up to now. */
  readonly steadySec: number;
  /** Of the broadcast, jumped over. */
  readonly skippedSec: number;
  /** What the page and its player complained about. */
  readonly errors: readonly string[];
  /** What the player had and had last asked for after so many seconds of each long stand; the first of them alone. */
  readonly stands: readonly string[];
}

// Why a picture may stand; as text, because it runs in the page: the tests' own code knows no DOM.
const readStand = `(() => {
  const { currentTime, paused, readyState, buffered, seekable, error } = document.querySelector('video') ?? {};
  const ranges = (of) => Array.from({ length: of?.length ?? 0 }, (_, index) => [of.start(index), of.end(index)]);
  const answers = performance.getEntriesByType('resource').slice(-8);
  const asked = answers.map(({ name, startTime, duration, responseStatus }) => [name, startTime, duration, responseStatus]);
  const video = { currentTime, paused, readyState, buffered: ranges(buffered), seekable: ranges(seekable) };
  return JSON.stringify({ ...video, error: error?.message, now: performance.now(), asked });
})()`;

/** After so many seconds of a stand the page notes why it may be; and so many notes are kept. */
const NOTED_SEC = [1, 4, 7];
const NOTES_MAX = 12;

const observer = `(() => {
  const shown = { playedSec: 0, stalledSec: 0, longestStallSec: 0, steadySec: 0, skippedSec: 0, errors: [], stands: [] };
  window.shown = shown;
  let before = null;
  let begun = false;
  let stall = 0;
  const complain = (words) => { if (words && !shown.errors.includes(words)) shown.errors.push(words); };
  const passed = (wall, played) => {
    const before = stall;
    stall = played < wall / 10 ? stall + wall : 0;
    const noted = [${NOTED_SEC}].find((sec) => before < sec && stall >= sec);
    if (noted && shown.stands.length < ${NOTES_MAX}) shown.stands.push(noted + ' s: ' + ${readStand});
    if (stall > 0) shown.stalledSec += wall;
    // A moment is no stand: the picture's clock is read between two steps of it.
    shown.steadySec = stall > 0.5 ? 0 : shown.steadySec + wall;
    shown.longestStallSec = Math.max(shown.longestStallSec, stall);
    const skipped = played > wall * 2 + 0.3 ? played - wall : 0;
    shown.skippedSec += skipped;
    // A seek back is no picture shown.
    shown.playedSec += Math.max(0, played - skipped);
    if (played < 0) complain('it went back by ' + -played + ' s');
  };
  setInterval(() => {
    const video = document.querySelector('video');
    if (!video) return;
    if (video.error) complain(video.error.code + ' ' + video.error.message);
    if (begun) complain(document.querySelector('.stage .curtain')?.textContent);
    const now = { at: performance.now() / 1000, time: video.currentTime };
    if (begun) passed(now.at - before.at, now.time - before.time);
    else begun = before !== null && now.time > before.time && video.getVideoPlaybackQuality().totalVideoFrames > 2;
    before = now;
  }, 100);
})()`;

const readShown = `({
  ...window.shown,
  frames: document.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0,
})`;

/**
 * A viewer at a watch page in a real browser, whose clock is held against the picture's ten times a second.
 *
 * Lifetime: from `open` to `close`.
 */
export class Screen {
  readonly #page: Page;
  readonly #errors: string[] = [];

  private constructor(page: Page) {
    this.#page = page;
    page.on('pageerror', (error) => this.#errors.push(error.message));
  }

  /** The channel need not be live yet. */
  static async open(browser: Browser, watchUrl: string): Promise<Screen> {
    // A small window: drawing it is most of what a viewer costs.
    const page = await browser.newPage({ viewport: { width: 400, height: 300 } });
    const screen = await Screen.before(page);
    await page.goto(watchUrl);
    return screen;
  }

  /** Before a page that has not been opened yet; the first video element that it shows is watched. */
  static async before(page: Page): Promise<Screen> {
    // Its entries are what `stand` tells: without room none is kept.
    await page.addInitScript(`performance.setResourceTimingBufferSize(20_000); ${observer}`);
    return new Screen(page);
  }

  async shown(): Promise<Shown> {
    const shown = await this.#page.evaluate<Shown>(readShown);
    return { ...shown, errors: [...shown.errors, ...this.#errors] };
  }

  /** What the player has and last asked for, for a test's last words. */
  stand(): Promise<string> {
    return this.#page.evaluate<string>(readStand);
  }

  close(): Promise<void> {
    return this.#page.close();
  }
}
