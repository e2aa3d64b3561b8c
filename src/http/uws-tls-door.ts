/**
 * The door of a uWebSockets.js server over TLS. An app of uWebSockets.js has the certificate that it was made with, so a new
 * certificate is a new app that listens on the same port beside the old one, until the old one's listen socket is closed.
 *
 * An app is listening → retired (its connections go on, and no new ones come) → closed, once its last connection must have
 * gone. Lives from `openTlsDoor` to `close`.
 */
import { messageOf } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import type { Certificates } from './certificate-files.js';
import { HttpFailure, listenFailure } from './http-failure.js';
import { whenLoopIsQuick } from './quick-loop.js';
import { secureApp } from './uws-certificate.js';
import type { UwsDoor, UwsServe } from './uws-door.js';
import type { UwsApp, UwsListenSocket, UwsModule } from './uws-face.js';

/** Two apps can listen on one port: SO_REUSEPORT, for sockets of the same user. */
const sharedPort = 0;
/**
 * After so long without an exchange a retired app has no connection left: between requests uWebSockets.js keeps them for 14 s
 * at most, and what it still has of the last answer, 64 KiB, has gone or made no progress.
 */
const quietMs = 5 * 60_000;
const sweepMs = 30_000;
/** Beyond so many retired apps the oldest one's connections are cut: they are as old as so many certificates. */
const retiredMax = 8;
/** A new app that could not be made is tried again so much later. */
const againMs = 30_000;

interface App {
  readonly native: UwsApp;
  socket: UwsListenSocket | null;
  exchanges: number;
  /** When its last exchange was over, of `performance.now()`. */
  quietSince: number;
}

interface TlsDoorOptions {
  readonly host: string;
  readonly port: number;
  readonly certificates: Certificates;
}

/** Whoever opens it sees to it that no other process listens on the port. Throws `HttpFailure` on a pair that cannot be served. */
export class UwsTlsDoor implements UwsDoor {
  readonly port: number;
  readonly #uws: UwsModule;
  readonly #options: TlsDoorOptions;
  readonly #serve: UwsServe;
  readonly #log: Log;
  readonly #retired: App[] = [];
  readonly #forgetCertificates: () => void;
  readonly #sweeper: NodeJS.Timeout;
  #app: App;
  #again: NodeJS.Timeout | undefined;

  constructor(uws: UwsModule, options: TlsDoorOptions, serve: UwsServe, log: Log) {
    this.#uws = uws;
    this.#options = options;
    this.#serve = serve;
    this.#log = log;
    this.#app = this.#open(options.port);
    this.port = this.#app.socket === null ? options.port : uws.us_socket_local_port(this.#app.socket);
    this.#forgetCertificates = options.certificates.onChange(() => this.#renew());
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs);
    this.#sweeper.unref();
  }

  get listening(): boolean {
    return this.#app.socket !== null;
  }

  stopListening(): void {
    this.#forgetCertificates();
    clearTimeout(this.#again);
    for (const app of [this.#app, ...this.#retired]) this.#stop(app);
  }

  close(): void {
    this.stopListening();
    clearInterval(this.#sweeper);
    for (const { native } of [this.#app, ...this.#retired.splice(0)]) native.close();
  }

  #open(port: number): App {
    const native = secureApp(this.#uws, this.#options.certificates.current());
    const app: App = { native, socket: null, exchanges: 0, quietSince: 0 };
    const over = () => {
      app.exchanges--;
      app.quietSince = performance.now();
    };
    native.any('/*', (response, request) => {
      app.exchanges++;
      this.#serve(response, request, over);
    });
    native.listen(this.#options.host, port, sharedPort, (socket) => {
      app.socket = socket === false ? null : socket;
    });
    return app;
  }

  #renew(): void {
    clearTimeout(this.#again);
    try {
      const next = this.#open(this.port);
      if (next.socket === null) throw listenFailure(this.#options.host, this.port, null);
      const old = this.#app;
      this.#app = next;
      this.#retire(old);
    } catch (error) {
      const hint = error instanceof HttpFailure ? error.hint : '';
      this.#log.error({ reason: messageOf(error), hint }, 'the new certificate is not served yet; it is tried again');
      this.#again = setTimeout(() => this.#renew(), againMs);
      this.#again.unref();
    }
  }

  #retire(app: App): void {
    app.quietSince = performance.now();
    this.#retired.push(app);
    if (this.#retired.length > retiredMax) this.#closeRetired(this.#retired[0]);
    whenLoopIsQuick(() => {
      if (app.socket === null) return;
      this.#stop(app);
      this.#log.info('new connections get the new certificate');
    });
  }

  /** What waits in the socket's queue is reset, unless the kernel gives it to the app that listens beside it. */
  #stop(app: App): void {
    if (app.socket !== null) this.#uws.us_listen_socket_close(app.socket);
    app.socket = null;
  }

  #sweep(): void {
    const now = performance.now();
    for (const app of [...this.#retired]) {
      if (app.exchanges === 0 && now - app.quietSince > quietMs) this.#closeRetired(app);
    }
  }

  #closeRetired(app: App | undefined): void {
    if (app === undefined) return;
    this.#retired.splice(this.#retired.indexOf(app), 1);
    this.#stop(app);
    app.native.close();
  }
}
