import { createHash } from 'node:crypto';

/** What an SRT caller wants, from its stream id. */
export interface SrtWish {
  readonly streamKey: string;
  /** The channel that it names besides its key; null: none. */
  readonly channel: string | null;
  readonly backup: boolean;
}

export type StreamIdReading =
  | { readonly ok: true; readonly wish: SrtWish }
  | { readonly ok: false; readonly reason: 'malformed' | 'mode' | 'type' };

/** SRT carries 512 bytes at most. */
const BYTES_MAX = 512;
const KEY = /^[\x21-\x2b\x2d-\x3e\x40-\x7e]{1,256}$/;
const STANDARD = '#!::';
const MALFORMED = { ok: false, reason: 'malformed' } as const;

/**
 * Reads `<streamKey>`, `<streamKey>?backup=1`, and the standard form `#!::r=<channel>,m=publish,s=<streamKey>,backup=1`
 * (SRT Access Control Guidelines). A caller that names no mode publishes: nothing else can be done here. Keys that we do
 * not know are left alone, as the guidelines allow.
 */
export function readStreamId(streamId: string): StreamIdReading {
  if (Buffer.byteLength(streamId) > BYTES_MAX) return MALFORMED;
  return streamId.startsWith('#!') ? readStandard(streamId) : readPlain(streamId);
}

/** How keys are named between the processes: a stream key itself stays where it is needed. */
export function hashOfKey(streamKey: string): string {
  return createHash('sha256').update(streamKey).digest('base64url');
}

function readPlain(streamId: string): StreamIdReading {
  const [streamKey = '', query, ...more] = streamId.split('?');
  if (!KEY.test(streamKey) || more.length > 0) return MALFORMED;
  const backup = new URLSearchParams(query ?? '').get('backup');
  return { ok: true, wish: { streamKey, channel: null, backup: isYes(backup) } };
}

function readStandard(streamId: string): StreamIdReading {
  if (!streamId.startsWith(STANDARD)) return MALFORMED;
  const fields = new Map<string, string>();
  for (const pair of streamId.slice(STANDARD.length).split(',')) {
    const at = pair.indexOf('=');
    if (at < 1 || fields.has(pair.slice(0, at))) return MALFORMED;
    fields.set(pair.slice(0, at), pair.slice(at + 1));
  }
  if ((fields.get('m') ?? 'publish') !== 'publish') return { ok: false, reason: 'mode' };
  if ((fields.get('t') ?? 'stream') !== 'stream') return { ok: false, reason: 'type' };
  const streamKey = fields.get('s') ?? '';
  const channel = fields.get('r') ?? null;
  if (!KEY.test(streamKey) || channel === '') return MALFORMED;
  return { ok: true, wish: { streamKey, channel, backup: isYes(fields.get('backup') ?? null) } };
}

const isYes = (value: string | null) => value === '1' || value === 'true';
