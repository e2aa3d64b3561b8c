/** The program of a thread that has a door. */
import { runDoor } from '../../http/threads/run-door.js';
import { BorrowedDoor } from './borrowed-door.js';
import type { BorrowerStart, LoanMessage } from './loan-messages.js';

await runDoor((start) => {
  // Lent nothing, it relays everything.
  if (start === undefined) return { serve: (relay) => relay, told: () => {} };
  const door = new BorrowedDoor(start as BorrowerStart);
  return {
    serve: (relay) => door.serve(relay),
    quick: door.quick,
    told: (what) => door.told(what as LoanMessage),
  };
});
