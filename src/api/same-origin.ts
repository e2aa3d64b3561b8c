import type { IncomingHttpHeaders } from 'node:http';
import { reachedHost } from './reached.js';

/**
 * Whether a request that a cookie authenticates comes from our own pages. Browsers send the cookie along with requests that
 * other sites make, so whatever changes something must show where it comes from: Sec-Fetch-Site where the browser
 * sends it (secure contexts), else Origin. A request with neither is refused; every browser sends one of them.
 */
export function isSameOrigin(headers: IncomingHttpHeaders, publicUrl: string | null): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const origin = hostOf(headers.origin);
  return origin !== null && (origin === withDefaultPort(reachedHost(headers)) || origin === hostOf(publicUrl));
}

export const isSafeMethod = (method: string | undefined): boolean =>
  method === 'GET' || method === 'HEAD' || method === 'OPTIONS';

function hostOf(url: string | null | undefined): string | null {
  return url && URL.canParse(url) ? new URL(url).host : null;
}

/** As URL writes hosts: lower case, the default port left out (either scheme's: a door may end TLS before us). */
const withDefaultPort = (host: string | null): string | null => host?.toLowerCase().replace(/:(?:80|443)$/, '') ?? null;
