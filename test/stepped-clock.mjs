import { readFileSync } from 'node:fs';

/**
 * Preloaded into a box (NODE_OPTIONS=--import) to step its wall clock while it runs, in every thread: Date is ahead of the
 * system's by the milliseconds that stand in the file STEPPED_CLOCK. Monotonic clocks and child processes keep theirs.
 */
const realNow = Date.now;
let offsetMs = 0;

setInterval(() => {
  offsetMs = Number(readFileSync(process.env.STEPPED_CLOCK ?? '', 'utf8'));
}, 50).unref();

Date.now = () => realNow() + offsetMs;
globalThis.Date = new Proxy(Date, {
  construct: (Real, args) => (args.length === 0 ? new Real(Date.now()) : Reflect.construct(Real, args)),
});
