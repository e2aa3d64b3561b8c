import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CHANNEL_NAME, VIDEO_ID } from '../media/media-path.js';
import { type Answer, bytesAnswer, createTextContent, manifestAnswer, problemAnswer } from './answer.js';
import { contentType } from './content-type.js';

const ASSET_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;
const TOP_FILES: ReadonlySet<string> = new Set(['favicon.svg', 'favicon.ico', 'robots.txt']);
const FILE_BYTES_MAX = 16 * 1024 * 1024;

/**
 * The pages' own origin is all they need; hls.js runs its worker from a blob and plays from blobs, and components style
 * themselves.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "worker-src 'self' blob:",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob: data:",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'self'",
].join('; ');

const PAGE_HEADERS = [
  ['content-security-policy', CONTENT_SECURITY_POLICY],
  ['x-content-type-options', 'nosniff'],
  ['referrer-policy', 'same-origin'],
] as const;

interface PageFile {
  /** Parts of a path inside the built folder. */
  readonly parts: readonly string[];
  readonly cache: 'page' | 'hashed-asset' | 'poster';
}

/** Serves the built web pages from one folder, by a closed list of addresses: no path of the request ever reaches the disk. */
export class WebPages {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Null when the path is none of a page. */
  async answer(path: string): Promise<Answer | null> {
    const file = fileFor(path);
    if (file === null) return null;
    const found = await this.#read(file);
    if (found !== null) return found;
    return file.cache === 'page' ? notBuilt() : null;
  }

  async #read({ parts, cache }: PageFile): Promise<Answer | null> {
    const path = join(this.#folder, ...parts);
    const facts = await stat(path).catch(() => null);
    if (facts === null || !facts.isFile() || facts.size > FILE_BYTES_MAX) return null;
    const bytes = await readFile(path).catch(() => null);
    const name = parts.at(-1) ?? '';
    if (bytes === null) return null;
    const described = { type: contentType(name), cache, extra: PAGE_HEADERS };
    // Scripts and styles shrink to a third; the edge keeps them, so that they are rarely compressed.
    return /\.(?:js|css)$/.test(name)
      ? manifestAnswer(createTextContent(bytes.toString()), described)
      : bytesAnswer(bytes, described);
  }
}

function fileFor(path: string): PageFile | null {
  if (path === '/' || path === '/index.html') return { parts: ['index.html'], cache: 'page' };
  if (path === '/go-live') return { parts: ['go-live.html'], cache: 'page' };
  const [, first = '', second, ...rest] = path.split('/');
  if (rest.length > 0) return null;
  if (second === undefined) return TOP_FILES.has(first) ? { parts: [first], cache: 'poster' } : null;
  if (first === 'assets' && ASSET_NAME.test(second)) return { parts: ['assets', second], cache: 'hashed-asset' };
  const watchable = first === 'watch' && (CHANNEL_NAME.test(second) || VIDEO_ID.test(second));
  return watchable ? { parts: ['watch.html'], cache: 'page' } : null;
}

function notBuilt(): Answer {
  const detail = 'The web pages have not been built. Run `npm run build` in the repository, then reload.';
  return problemAnswer(503, 'Pages not built', detail, 'trouble', [['retry-after', '5']]);
}
