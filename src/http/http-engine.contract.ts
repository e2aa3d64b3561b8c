/** What every HTTP engine must do, on the wire. Each engine's test file runs all of it. */
import { describe } from 'vitest';
import type { EngineTraits } from './engine-bench.fixture.js';
import { bodyContract } from './http-bodies.contract.js';
import { hostileContract } from './http-hostile.contract.js';
import { lifeContract } from './http-life.contract.js';
import { messageContract } from './http-messages.contract.js';

export function httpEngineContract(traits: EngineTraits): void {
  describe(`${traits.engine} engine`, () => {
    messageContract(traits);
    bodyContract(traits);
    lifeContract(traits);
    hostileContract(traits);
  });
}
