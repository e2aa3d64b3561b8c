export interface RawResponse {
  readonly status: number;
  /** Lower-case names, every line by itself. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

/** What the contract's tests do with a client; requests are written as HTTP/1.1, whatever goes over the wire. */
export interface ContractClient {
  readonly isClosed: boolean;
  readonly closed: Promise<void>;
  /** Everything that came and was not taken as a response. */
  readonly received: Buffer;
  readonly bytesSent: number;
  send(bytes: string | Buffer): this;
  /** Sends body bytes; false: `onDrain` will be called when more are welcome. */
  write(bytes: Buffer, onDrain: () => void): boolean;
  /** Stops taking bytes. */
  pause(): void;
  resume(): void;
  /** Takes the next whole response. Throws when the exchange is cut or `limitMs` pass before. */
  response(method?: string, limitMs?: number): Promise<RawResponse>;
  closedWithin(limitMs: number): Promise<void>;
  destroy(): void;
}
