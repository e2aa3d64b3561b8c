import type { IncomingHttpHeaders } from 'node:http';
import { livePath, vodPath, watchPath } from '../media/media-path.js';
import { WHIP_PATH } from './whip-mount.js';

/**
 * The address by which a caller reached the box, and the addresses printed for it. Pure.
 *
 * The door before the API (the edge) overwrites X-Forwarded-Host and -Proto, and the API listens where only that door can
 * reach it, so they are believed when they have the right shape.
 */
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/** `http://host[:port]`, without a slash at the end. `publicUrl`, where it is set, is what everybody is told. */
export function baseUrl(headers: IncomingHttpHeaders, publicUrl: string | null): string {
  if (publicUrl !== null) return publicUrl.replace(/\/+$/, '');
  return `${isHttps(headers) ? 'https' : 'http'}://${reachedHost(headers) ?? 'localhost'}`;
}

/** Host and port as the caller wrote them, or null when there are none or they are no host. */
export function reachedHost(headers: IncomingHttpHeaders): string | null {
  const host = one(headers['x-forwarded-host']) ?? headers.host;
  return host !== undefined && HOST.test(host) ? host : null;
}

export const isHttps = (headers: IncomingHttpHeaders): boolean => one(headers['x-forwarded-proto']) === 'https';

/** The address that the outermost trusted door saw: the last of X-Forwarded-For. */
export const callerAddress = (headers: IncomingHttpHeaders, peer: string): string =>
  one(headers['x-forwarded-for'])?.split(',').at(-1)?.trim().slice(0, 64) || peer;

const one = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value.at(-1) : value);

/** What a player needs, absolute. */
export const channelUrls = (base: string, name: string) => ({
  hlsUrl: base + livePath.hls(name),
  dashUrl: base + livePath.dash(name),
  watchUrl: base + watchPath(name),
});

export const videoUrls = (base: string, videoId: string) => ({
  hlsUrl: base + vodPath.hls(videoId),
  dashUrl: base + vodPath.dash(videoId),
  watchUrl: base + watchPath(videoId),
});

/** Where publishers may push: bound addresses, `host:port` or `:port`; undefined where the box does not take the protocol. */
export interface PushAddresses {
  readonly rtmp: string;
  readonly rtmps?: string | undefined;
  readonly srt?: string | undefined;
  /** WHIP's media; its HTTP half is the web door. */
  readonly webrtc?: string | undefined;
}

export interface Pushing {
  readonly base: string;
  readonly addresses: PushAddresses;
  readonly streamKey: string;
  /** Of SRT; null: none is needed. */
  readonly passphrase: string | null;
}

/** Where to push, the key included: the host that the caller reached, the ports that are bound. */
export function pushUrls({ base, addresses, streamKey, passphrase }: Pushing) {
  const at = (address: string) => `${new URL(base).hostname}:${portOf(address)}`;
  const { rtmp, rtmps, srt, webrtc } = addresses;
  return {
    rtmpUrl: `rtmp://${at(rtmp)}/live/${streamKey}`,
    ...(rtmps === undefined ? {} : { rtmpsUrl: `rtmps://${at(rtmps)}/live/${streamKey}` }),
    ...(srt === undefined ? {} : { srtUrl: `srt://${at(srt)}?${srtQuery(streamKey, passphrase)}` }),
    ...(webrtc === undefined ? {} : { whipUrl: `${base}${WHIP_PATH}` }),
  };
}

const portOf = (address: string): string => /:(\d+)$/.exec(address)?.[1] ?? '';

/**
 * What ffmpeg, OBS and libsrt's own tools read alike, unless the passphrase has characters that an address must escape: ffmpeg
 * and OBS do not undo it. No `latency`: they take it in microseconds, libsrt's tools in milliseconds, and the larger of the two
 * sides' counts anyway, so that the box's own setting holds without it.
 */
function srtQuery(streamKey: string, passphrase: string | null): string {
  const secret = passphrase === null ? '' : `&passphrase=${encodeURIComponent(passphrase)}&pbkeylen=16`;
  return `streamid=${streamKey}${secret}`;
}

/** The page takes the code out of the fragment, which no server log and no Referer ever holds. */
export const signInUrl = (base: string, code: string): string => `${base}/#sign-in=${code}`;
