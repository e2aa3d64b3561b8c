import type { Settings } from './config-schema.js';

/**
 * Why the public doors are Node's own, in the words of the configuration: uWebSockets.js cannot do what is asked of them there, or it is not wanted.
 * Null: no setting says so.
 */
export function whyNodesEngine({ http, edge }: Settings): string | null {
  if (http.engine === 'node') return 'http.engine: node';
  if (http.proxyProtocol) return 'http.proxyProtocol: true';
  return edge.limits.connectionsMax === null ? null : `edge.limits.connectionsMax: ${edge.limits.connectionsMax}`;
}
