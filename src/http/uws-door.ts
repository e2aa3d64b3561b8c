import type { UwsListenSocket, UwsModule, UwsRequest, UwsResponse } from './uws-face.js';

/** Where a server of uWebSockets.js gets its requests: listening → stopped (connections that stand go on) → closed. */
export interface UwsDoor {
  /** False: it could not, and `close` is all that may be called. */
  readonly listening: boolean;
  /** The real one when 0 was asked for. */
  readonly port: number;
  stopListening(): void;
  /** Closes every connection, idle or not. */
  close(): void;
}

/** `over` is to be called once, when the exchange is. */
export type UwsServe = (native: UwsResponse, request: UwsRequest, over: () => void) => void;

/** Without it a second server on the same port would share its connections in silence. */
const exclusivePort = 1;
/** For threads that share one. */
const anyPort = 0;

const nothing = () => {};

export function openPlainDoor(
  uws: UwsModule,
  where: { host: string; port: number; sharedPort: boolean },
  serve: UwsServe,
): UwsDoor {
  let socket: UwsListenSocket | false = false;
  const app = uws.App().any('/*', (native, request) => serve(native, request, nothing));
  app.listen(where.host, where.port, where.sharedPort ? anyPort : exclusivePort, (opened) => {
    socket = opened;
  });
  return {
    listening: socket !== false,
    port: socket === false ? where.port : uws.us_socket_local_port(socket),
    stopListening() {
      if (socket !== false) uws.us_listen_socket_close(socket);
      socket = false;
    },
    close: () => void app.close(),
  };
}
