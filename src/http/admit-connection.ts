import type { Socket } from 'node:net';
import type { ConnectionGate } from './server.js';

/** Whether a connection of this client may stay; one that may not is cut. Asked once, as it comes. */
export function admitConnection(socket: Socket, client: string, gate: ConnectionGate | undefined): boolean {
  if (gate === undefined) return true;
  const closed = gate(client);
  if (closed === null) socket.destroy();
  else socket.once('close', closed);
  return closed !== null;
}
