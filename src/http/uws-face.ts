/**
 * The part of uWebSockets.js that this engine uses, as 20.30 to 20.57 behave. Every call on a response is ill use once
 * `onAborted` has run or the response is complete: then it throws, so who holds one must know.
 */
export interface UwsModule {
  App(): UwsApp;
  /** Over TLS 1.2 and later. Reads the files before it returns; throws where they are missing or do not fit, without saying why. */
  SSLApp(options: { cert_file_name: string; key_file_name: string; ssl_ciphers: string }): UwsApp;
  us_listen_socket_close(socket: UwsListenSocket): void;
  us_socket_local_port(socket: UwsListenSocket): number;
  _cfg(setting: string): void;
}

export type UwsListenSocket = object;

export interface UwsApp {
  any(pattern: string, handler: (response: UwsResponse, request: UwsRequest) => void): UwsApp;
  /** Calls back before it returns; `false` when it cannot listen, for whatever reason. */
  listen(host: string, port: number, options: number, opened: (socket: UwsListenSocket | false) => void): UwsApp;
  /** Closes every connection, idle or not. */
  close(): UwsApp;
}

/** Valid only inside the handler's call. */
export interface UwsRequest {
  getUrl(): string;
  /** Undefined without `?`. */
  getQuery(): string | undefined;
  getCaseSensitiveMethod(): string;
  /** The first line of that name, in lower case; `''` where there is none. */
  getHeader(name: string): string;
  forEach(visit: (name: string, value: string) => void): void;
}

export interface UwsResponse {
  writeStatus(status: string): UwsResponse;
  /** Writes its two arguments as they are, line breaks included. */
  writeHeader(name: string, value: string | Uint8Array): UwsResponse;
  /** Chunked; copies what the socket does not take. False when it did not take all. */
  write(chunk: Uint8Array): boolean;
  end(body?: Uint8Array): UwsResponse;
  endWithoutBody(): UwsResponse;
  /** Writes what the socket takes and copies nothing: [all taken, response complete]. */
  tryEnd(chunk: Uint8Array, totalBytes: number): [boolean, boolean];
  /** Body bytes taken so far, by `tryEnd`. */
  getWriteOffset(): number;
  onWritable(handler: (offset: number) => boolean): UwsResponse;
  onAborted(handler: () => void): UwsResponse;
  /** The chunk is only lent: it is emptied after the call. */
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): UwsResponse;
  getRemoteAddress(): ArrayBuffer;
  cork(writes: () => void): UwsResponse;
  pause(): void;
  resume(): void;
  close(): UwsResponse;
}
