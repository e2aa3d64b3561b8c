// The Chromium-based browser of this machine, by the names that systems give it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'microsoft-edge-stable'];

/** The path in HEADWATER_BROWSER, else the first browser in PATH, else null. */
export function findBrowser() {
  if (process.env.HEADWATER_BROWSER) return process.env.HEADWATER_BROWSER;
  const folders = [...(process.env.PATH ?? '').split(':').filter((folder) => folder !== ''), '/snap/bin'];
  const paths = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return paths.find((path) => existsSync(path)) ?? null;
}

/** What apt calls it here: Ubuntu's package `chromium` is gone, and `chromium-browser` installs the snap. */
export function browserPackage() {
  const system = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return /^ID(_LIKE)?=.*ubuntu/m.test(system) ? 'chromium-browser' : 'chromium';
}
