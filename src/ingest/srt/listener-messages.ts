/** What our process and the listener's say to one another: commands as JSON lines, reports as frames of the pipe. */

export interface KnownKey {
  /** `hashOfKey` of the stream key. */
  readonly keyHash: string;
  /** What its callers must encrypt with; null: they must not. */
  readonly passphrase: string | null;
}

export type ListenerCommand =
  | {
      readonly kind: 'listen';
      /** A numeric IPv4 or IPv6 address. */
      readonly host: string;
      readonly port: number;
      readonly latencyMs: number;
      readonly connectionsMax: number;
    }
  /** Callers with other keys are turned away. First out with the old, then in with the new. */
  | { readonly kind: 'keys'; readonly drop: readonly string[]; readonly put: readonly KnownKey[] }
  /** Nothing is read from a connection before it is asked for. */
  | { readonly kind: 'read'; readonly connection: number; readonly on: boolean }
  | { readonly kind: 'close'; readonly connection: number }
  /** Callers with this key are rejected for so long with this code: they have just been refused. */
  | { readonly kind: 'refuse'; readonly keyHash: string; readonly code: number; readonly ms: number }
  | { readonly kind: 'stop' };

/** Totals of one connection since it began (libsrt's statistics). */
export interface LinkSample {
  readonly connection: number;
  /** Milliseconds of the connection's own clock. */
  readonly at: number;
  readonly rttMs: number;
  readonly packets: number;
  readonly packetsLost: number;
  readonly packetsRetransmitted: number;
  /** Lost for good: they came too late to be played. */
  readonly packetsDropped: number;
  /** Without headers. */
  readonly bytes: number;
}

export type ListenerReport =
  | {
      readonly kind: 'listening';
      readonly port: number;
      readonly library: string;
      readonly version: string;
      /** Why the packet filter does not stand before the port; null where it does. */
      readonly unfiltered: string | null;
    }
  | { readonly kind: 'failed'; readonly reason: 'library' | 'in-use' | 'listen'; readonly message: string }
  | {
      readonly kind: 'connected';
      readonly connection: number;
      readonly streamId: string;
      readonly remoteAddress: string;
      readonly encrypted: boolean;
    }
  | { readonly kind: 'gone'; readonly connection: number }
  /** The port no longer answers callers: only another process helps. */
  | { readonly kind: 'deaf' }
  /** Once a second, also when there is nothing to say: it shows that the process lives. */
  | {
      readonly kind: 'pulse';
      readonly samples: readonly LinkSample[];
      /** Callers rejected since the last pulse, by code. */
      readonly rejected: Readonly<Record<string, number>>;
      /** Keys whose callers were let in by stream id and then got no further: their passphrase is wrong or missing. */
      readonly unfinished: readonly string[];
    };
