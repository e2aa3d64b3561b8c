import { SRT_PASSPHRASE } from './channel-settings.js';

/**
 * Where a channel is sent on to. Pure: reads what an operator pastes, and says it again without its secrets.
 *
 * An address is taken as streaming services print it: what follows the last `/` of an RTMP path (its query included) is the
 * stream key, and SRT's parameters stand in the query, escaped or not.
 */
export type RestreamAddress = RtmpAddress | SrtAddress;

interface RtmpAddress {
  readonly scheme: 'rtmp' | 'rtmps';
  /** A name, an IPv4 address, or an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
  readonly app: string;
  readonly streamKey: string;
}

interface SrtAddress {
  readonly scheme: 'srt';
  readonly host: string;
  readonly port: number;
  readonly streamId: string | null;
  readonly passphrase: string | null;
  /** Of the key that is made from the passphrase: AES-128, -192 or -256. */
  readonly keyBytes: 16 | 24 | 32;
  /** Null: libsrt's own. */
  readonly latencyMs: number | null;
}

/** `problem`: one sentence on what it takes instead; never a part of the address, which may be a secret. */
export type RestreamReading =
  | { readonly ok: true; readonly address: RestreamAddress }
  | { readonly ok: false; readonly problem: string };

/** Of one channel. */
export const RESTREAMS_MAX = 8;
/** The names that targets may have. */
export const RESTREAM_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
export const RESTREAM_URL_MAX = 2048;

const SHAPE = /^(rtmps?|srt):\/\/(\[[0-9a-f:.]{2,45}\]|[a-z0-9][a-z0-9._-]{0,252})(?::(\d{1,5}))?((?:[/?].*)?)$/i;
const PRINTABLE = /^[\x21-\x7e]*$/;
/** ffmpeg reads an option's line up to 1000 bytes, its name included. */
const SECRET_MAX = 900;
const APP_MAX = 128;
/** SRT's own bound (draft-sharabayko-srt §3.2.1.3). */
const STREAM_ID_MAX = 512;
const LATENCY_MS = { min: 20, max: 8000 };
const DEFAULT_PORTS: Readonly<Record<string, number>> = { rtmp: 1935, rtmps: 443 };

export function readRestreamUrl(text: string): RestreamReading {
  if (text.length > RESTREAM_URL_MAX) return no(`An address has at most ${RESTREAM_URL_MAX} characters.`);
  const [, scheme = '', host = '', port, rest = ''] = SHAPE.exec(text) ?? [];
  const kind = scheme.toLowerCase();
  if (kind === '') {
    return no(
      'A target is rtmp://HOST/APP/KEY, rtmps://HOST/APP/KEY or srt://HOST:PORT?streamid=…, without a user name.',
    );
  }
  const number = port === undefined ? DEFAULT_PORTS[kind] : Number(port);
  if (number === undefined) return no('An SRT address names its port: srt://HOST:PORT?streamid=….');
  if (number < 1 || number > 65_535) return no('A port is a number from 1 to 65535.');
  const place = { host: host.replace(/^\[|\]$/g, '').toLowerCase(), port: number };
  return kind === 'srt' ? readSrt(place, rest) : readRtmp(kind === 'rtmps' ? 'rtmps' : 'rtmp', place, rest);
}

interface Place {
  readonly host: string;
  readonly port: number;
}

const no = (problem: string): RestreamReading => ({ ok: false, problem });

function readRtmp(scheme: 'rtmp' | 'rtmps', place: Place, rest: string): RestreamReading {
  if (!PRINTABLE.test(rest)) return no('An RTMP address has only printable ASCII characters, and no spaces.');
  const path = rest.split('?', 1)[0] ?? '';
  const slash = path.lastIndexOf('/');
  const app = path.slice(1, Math.max(1, slash)).replace(/\/+$/, '');
  const streamKey = rest.slice(slash + 1);
  if (!path.startsWith('/') || app === '' || path.length === slash + 1) {
    return no(`An RTMP address ends in an application and a stream key: ${scheme}://HOST/APP/KEY.`);
  }
  if (app.length > APP_MAX) return no(`An application has at most ${APP_MAX} characters.`);
  if (streamKey.length > SECRET_MAX) return no(`A stream key has at most ${SECRET_MAX} characters.`);
  return { ok: true, address: { scheme, ...place, app, streamKey } };
}

function readSrt(place: Place, rest: string): RestreamReading {
  const query = /^\/?(?:\?(.*))?$/.exec(rest);
  if (query === null) return no('An SRT address has no path: srt://HOST:PORT?streamid=…&passphrase=…&latency=….');
  const given = new Map<string, string>();
  for (const part of (query[1] ?? '').split('&').filter((each) => each !== '')) {
    const equals = part.indexOf('=');
    const name = (equals < 0 ? part : part.slice(0, equals)).toLowerCase();
    if (given.has(name) || !(name in SRT_PARAMETERS)) return no(SRT_TAKES);
    given.set(name, equals < 0 ? '' : unescaped(part.slice(equals + 1)));
  }
  for (const [name, value] of given) {
    const problem = SRT_PARAMETERS[name]?.(value) ?? null;
    if (problem !== null) return no(problem);
  }
  return { ok: true, address: srtAddress(place, given) };
}

function srtAddress(place: Place, given: ReadonlyMap<string, string>): SrtAddress {
  const latency = given.get('latency');
  const bits = Number(given.get('pbkeylen') ?? 16);
  return {
    scheme: 'srt',
    ...place,
    streamId: given.get('streamid') || null,
    passphrase: given.get('passphrase') || null,
    keyBytes: bits === 32 ? 32 : bits === 24 ? 24 : 16,
    latencyMs: latency === undefined ? null : Number(latency),
  };
}

const SRT_TAKES =
  'An SRT address takes streamid, passphrase, pbkeylen and latency (milliseconds), each once, and escapes & in a value as %26.';

const only = (value: string) => (given: string) => (given === value ? null : SRT_TAKES);

/** What each may be; null where it is. Those that say what is done anyway are taken, for addresses as other programs print them. */
const SRT_PARAMETERS: Readonly<Record<string, (value: string) => string | null>> = {
  streamid: (value) =>
    /^[\x20-\x7e]*$/.test(value) && value.length <= STREAM_ID_MAX
      ? null
      : `A streamid has at most ${STREAM_ID_MAX} printable ASCII characters.`,
  passphrase: (value) =>
    value === '' || SRT_PASSPHRASE.test(value) ? null : 'A passphrase has 10 to 79 printable ASCII characters.',
  pbkeylen: (value) => (/^(0|16|24|32)$/.test(value) ? null : 'pbkeylen is 16, 24 or 32.'),
  latency: (value) =>
    /^\d{1,9}$/.test(value) && Number(value) >= LATENCY_MS.min && Number(value) <= LATENCY_MS.max
      ? null
      : `latency is in milliseconds here, ${LATENCY_MS.min} to ${LATENCY_MS.max} (ffmpeg's own addresses have microseconds).`,
  mode: only('caller'),
  transtype: only('live'),
  pkt_size: only('1316'),
  payload_size: only('1316'),
};

/** As it is where it is no escape. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const MASK = '***';

/** The address for people and logs: secrets are masked. */
export function shownRestreamUrl(address: RestreamAddress): string {
  const place = `${address.scheme}://${hostIn(address)}:${address.port}`;
  if (address.scheme !== 'srt') return `${place}/${address.app}/${MASK}`;
  const shown = [
    ...(address.streamId === null ? [] : [`streamid=${MASK}`]),
    ...(address.passphrase === null ? [] : [`passphrase=${MASK}`]),
    ...(address.latencyMs === null ? [] : [`latency=${address.latencyMs}`]),
  ];
  return shown.length === 0 ? place : `${place}?${shown.join('&')}`;
}

/** The host as an address has it: IPv6 in brackets. */
export const hostIn = ({ host }: Pick<RestreamAddress, 'host'>): string => (host.includes(':') ? `[${host}]` : host);

/** Takes the address's secrets, escaped ones too, out of a text that comes from elsewhere. */
export function withoutSecrets(text: string, address: RestreamAddress): string {
  const secrets = address.scheme === 'srt' ? [address.streamId, address.passphrase] : [address.streamKey];
  let masked = text;
  for (const secret of secrets) {
    if (secret === null) continue;
    for (const form of new Set([secret, encodeURI(secret), encodeURIComponent(secret)])) {
      masked = masked.replaceAll(form, MASK);
    }
  }
  return masked;
}
