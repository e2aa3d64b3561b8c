/** What every HTTP engine must do, on the wire. Each engine's test file runs all of it. */
import { describe } from 'vitest';
import type { EngineTraits } from './engine-bench.fixture.js';
import { bodyContract } from './http-bodies.contract.js';
import { hostileContract, slowContract } from './http-hostile.contract.js';
import { lifeContract } from './http-life.contract.js';
import { messageContract } from './http-messages.contract.js';

export function httpEngineContract(traits: EngineTraits): void {
  describe(`${traits.engine} engine, ${traits.protocol ?? 'http/1.1'}`, () => {
    messageContract(traits);
    bodyContract(traits);
    lifeContract(traits);
    // What is hostile in HTTP/2 is told in frames: the engine that speaks it has tests of its own.
    if (traits.protocol === 'h2') slowContract(traits);
    else hostileContract(traits);
  });
}
