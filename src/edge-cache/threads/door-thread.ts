/** The program of a thread that has a door. */
import type { HttpHandler } from '../../http/server.js';
import { type DoorProgram, runDoor, type Say } from '../../http/threads/run-door.js';
import { anyAddresses, boxAddresses } from '../address-rules.js';
import type { GateName } from '../gates/gate-metrics.js';
import { makeGates } from '../gates/gates.js';
import { GatheredLines } from '../gates/gathered-lines.js';
import { passGates } from '../gates/pass-gates.js';
import { QuickGates } from '../gates/quick-gates.js';
import { BorrowedDoor } from './borrowed-door.js';
import type { DoorThreadStart, DoorThreadTold } from './door-messages.js';
import { ThreadCounts } from './thread-counts.js';

await runDoor((start, say) => {
  // Told nothing, it relays everything.
  if (start === undefined) return { serve: (relay) => relay, told: () => {} };
  return openProgram(start as DoorThreadStart, say);
});

function openProgram(start: DoorThreadStart, say: Say): DoorProgram {
  const { loans, places, gates: terms, linesWaiting } = start;
  const counts = new ThreadCounts(start.counts);
  const now = clockOf(start);
  const metrics = {
    request: (outcome: string) => counts.add(outcome === 'refused' ? 'refused' : 'hits', 1),
    served: (_from: string, bytes: number) => counts.add('bytes', bytes),
  };
  const addresses = start.addresses === 'box' ? boxAddresses : anyAddresses;
  const lines = new GatheredLines(linesWaiting, say);
  const gateTools = {
    now,
    lines,
    counts: { refused: (gate: GateName) => counts.add(gate, 1), lineLost: () => counts.add('linesLost', 1) },
  };
  const quickGates = QuickGates.open(terms, gateTools);
  const door = new BorrowedDoor({ loans, places, addresses, quickGates, tools: { metrics, now } });
  const gates = makeGates(terms, gateTools);
  return {
    serve: (relay: HttpHandler) => passGates(gates, metrics, (exchange) => door.serve(exchange, relay)),
    quick: door.quick ?? undefined,
    told: (what) => {
      const message = what as DoorThreadTold;
      if (message.kind === 'judges') terms.networks.judges = message.judges;
      else door.told(message);
    },
    closed: () => lines.flush(),
  };
}

function clockOf({ clock }: DoorThreadStart): () => number {
  if (clock === null) return Date.now;
  const set = new Float64Array(clock);
  return () => set[0] ?? 0;
}
