import { type Browser, chromium, type Page } from 'playwright-core';
import { findBrowser } from '../scripts/browser.mjs';

/** A camera and a microphone that are always there and always allowed, and media connections to this machine itself. */
export const fakeDevices = [
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--allow-loopback-in-peer-connection',
];

/** The system's Chromium, headless, with everything that reaches for the internet switched off. */
export function openBrowser(extraArguments: readonly string[] = []): Promise<Browser> {
  const executablePath = findBrowser();
  if (executablePath === null) throw new Error('no Chromium found: install one, or name it in HEADWATER_BROWSER');
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--autoplay-policy=no-user-gesture-required',
      ...extraArguments,
    ],
  });
}

export interface Playback {
  readonly time: number;
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  readonly error: string | null;
  readonly paused: boolean;
}

// As text, because these run in the page: the tests' own code knows no DOM.
const readPlayback = `(() => {
  const video = document.querySelector('video');
  if (!video) return null;
  return {
    time: video.currentTime,
    frames: video.getVideoPlaybackQuality().totalVideoFrames,
    width: video.videoWidth,
    height: video.videoHeight,
    error: video.error ? video.error.code + ' ' + video.error.message : null,
    paused: video.paused,
  };
})()`;

/** What the page's video element is doing now; null when there is none yet. */
export function playback(page: Page): Promise<Playback | null> {
  return page.evaluate(readPlayback);
}

export async function seek(page: Page, seconds: number): Promise<void> {
  await page.evaluate(`document.querySelector('video').currentTime = ${seconds}`);
}
