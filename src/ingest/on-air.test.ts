import { describe, expect, it } from 'vitest';
import type { OnAirName } from './live-events.js';
import { type Candidate, nextOnAir, type OnAirView } from './on-air.js';

const good: Candidate = { alive: true, startable: true, steady: true, atKey: true };
const view = (given: Partial<OnAirView>): OnAirView => ({
  ...{ current: 'nothing', primary: null, backup: null, slateReady: () => false, silentMs: 0, patienceMs: 2500 },
  ...given,
});
const slate = { slateReady: () => true };
const stalled: Candidate = { ...good, alive: false, steady: false };

describe('who is on air', () => {
  it.each<[string, Partial<OnAirView>, OnAirName]>([
    ['a primary alone', { primary: good }, 'primary'],
    ['a backup alone', { backup: good }, 'backup'],
    ['both: the primary', { primary: good, backup: good }, 'primary'],
    ['a stalled primary with a backup', { current: 'primary', primary: stalled, backup: good }, 'backup'],
    ['a primary that left', { current: 'primary', backup: good, ...slate }, 'backup'],
    [
      'the backup, until the primary is steady',
      { current: 'backup', primary: { ...good, steady: false }, backup: good },
      'backup',
    ],
    [
      'the backup, until the primary has a key',
      { current: 'backup', primary: { ...good, atKey: false }, backup: good },
      'backup',
    ],
    ['the primary again', { current: 'backup', primary: good, backup: good }, 'primary'],
    [
      'a primary that just came, where the backup stalls',
      { current: 'backup', primary: { ...good, steady: false, atKey: false }, backup: stalled },
      'primary',
    ],
    ['the slate for nobody', { current: 'primary', ...slate }, 'slate'],
    ['the slate for two that stall', { current: 'backup', primary: stalled, backup: stalled, ...slate }, 'slate'],
    [
      'the slate, until the primary has a key',
      { current: 'slate', primary: { ...good, startable: false }, ...slate },
      'slate',
    ],
    ['a primary back from the slate', { current: 'slate', primary: good, ...slate }, 'primary'],
    ['a primary that pauses, without a slate', { current: 'primary', primary: stalled, silentMs: 1200 }, 'primary'],
    ['nothing, once it pauses for long', { current: 'primary', primary: stalled, silentMs: 2600 }, 'nothing'],
    ['nothing, once it left', { current: 'primary' }, 'nothing'],
  ])('%s', (_, given, expected) => {
    expect(nextOnAir(view(given))).toBe(expected);
  });
});
