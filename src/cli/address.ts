import { Failure } from '../telemetry/failure.js';

export interface Address {
  readonly host: string;
  /** 0 to 65535; 0 asks the system for a free one. */
  readonly port: number;
}

/** Reads `ADDR:PORT`: `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`; `:8080` means every address. Null when it is none of these. */
export function readAddress(text: string): Address | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65535) return null;
  return { host: match[1] ?? (match[2] || '0.0.0.0'), port };
}

export function parseAddress(text: string): Address {
  const address = readAddress(text);
  if (address) return address;
  throw new Failure('cli.bad-address', `"${text}" is not an address`, {
    hint: 'Write ADDR:PORT, for example 0.0.0.0:8080 or [::1]:8080; port 0 asks for a free one.',
  });
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An address that a client on this machine can dial: "every address" becomes loopback. */
export function dialable({ host, port }: Address): string {
  const wildcards: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  return formatAddress({ host: wildcards[host] ?? host, port });
}
