import { describe } from 'vitest';
import { builtProgram } from '../../telemetry/package-files.js';
import type { engineBench } from '../engine-bench.fixture.js';
import { httpEngineContract } from '../http-engine.contract.js';
import { loadUws } from '../load-uws.js';
import { openThreadedServer } from './threaded-engine.js';

const program = builtProgram('door-thread');
const open: Parameters<typeof engineBench>[0]['open'] = (options, handler, log) =>
  openThreadedServer({ ...options, threads: 2, program }, handler, log);

// Where no binary loads there are no threads: uws-engine.test.ts has what is to be said of that.
describe.skipIf(!loadUws().loaded)('several threads', () => {
  httpEngineContract({
    engine: 'uws-threads',
    open,
    latePipelining: 'cut',
    answersLate: true,
    interim: 'kept back',
    namelessHeader: 'ends the head',
    headDeadlineMs: 20_000,
  });
});
