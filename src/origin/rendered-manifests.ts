import { createTextContent, type TextContent } from './answer.js';
import type { LiveWindow } from './live-window.js';

interface RenderedVersion {
  readonly version: number;
  readonly closed: boolean;
  readonly texts: Map<string, TextContent | null>;
}

/**
 * The manifests of each window as they stand now, each written (and compressed) once however many ask for it: a part wakes
 * thousands of requests for the same text.
 *
 * Lifetime: one version of each window, for as long as somebody has the window.
 */
export class RenderedManifests {
  readonly #now: () => number;
  readonly #versions = new WeakMap<LiveWindow, RenderedVersion>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param name tells the window's manifests from one another. */
  text(window: LiveWindow, name: string, write: (now: number) => string | null): TextContent | null {
    const { texts } = this.#versionOf(window);
    const known = texts.get(name);
    if (known !== undefined) return known;
    const text = write(this.#now());
    const content = text === null ? null : createTextContent(text);
    texts.set(name, content);
    return content;
  }

  #versionOf(window: LiveWindow): RenderedVersion {
    const { version } = window;
    const closed = window.closed(this.#now());
    const known = this.#versions.get(window);
    if (known?.version === version && known.closed === closed) return known;
    const fresh = { version, closed, texts: new Map() };
    this.#versions.set(window, fresh);
    return fresh;
  }
}
