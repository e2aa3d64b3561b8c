import type { IncomingMessage, ServerResponse } from 'node:http';

/** Where publishers come by WHIP (RFC 9725), beside the API on the same port. */
export const WHIP_PATH = '/whip';

/** Who answers there. */
export interface WhipHandler {
  handle(req: IncomingMessage, res: ServerResponse): void;
}

export function isWhip(url: string | undefined): boolean {
  const path = url?.split('?', 1)[0] ?? '';
  return path === WHIP_PATH || path.startsWith(`${WHIP_PATH}/`);
}
