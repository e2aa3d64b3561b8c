import type { Log } from '../telemetry/log.js';
import { selfSigned } from './certificate.fixture.js';
import type { Certificates } from './certificate-files.js';
import type { HttpHandler, HttpServer, HttpServerOptions } from './server.js';
import { openTlsServer } from './tls-engine.js';

/** Certificates that a test changes by hand. */
export class TestCertificates implements Certificates {
  readonly #listeners = new Set<() => void>();
  #pair = pem();

  current(): { readonly cert: Buffer; readonly key: Buffer } {
    return this.#pair;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  change(name: string): void {
    this.put(pem(name));
  }

  put(pair: { readonly cert: Buffer; readonly key: Buffer }): void {
    this.#pair = pair;
    for (const listener of this.#listeners) listener();
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}

export function openOverTls(options: HttpServerOptions, handler: HttpHandler, log: Log): Promise<HttpServer> {
  return openTlsServer({ ...options, certificates: new TestCertificates() }, handler, log);
}

export function pem(name = 'localhost'): { cert: Buffer; key: Buffer } {
  const { cert, key } = selfSigned({ name });
  return { cert: Buffer.from(cert), key: Buffer.from(key) };
}
