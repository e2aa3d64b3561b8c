import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HeaderPair } from './header-fields.js';
import { namesIn, variantOf } from './vary.js';

const request = fc.array(
  fc.tuple(
    fc.constantFrom('a', 'accept-language', 'b'),
    fc.string({ unit: fc.constantFrom('x', 'Y', ',', ';q=', '0.5', '"', ' ') }),
  ),
);

describe('the variant that a request selects', () => {
  it('is the same however its fields are cut into lines', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('a', 'accept-language'),
        fc.array(fc.stringMatching(/^[a-z;=.0-9]{0,8}$/)),
        (name, members) => {
          const cut = members.map((member): HeaderPair => [name, member]);
          const joined: HeaderPair[] = members.length === 0 ? [] : [[name, members.join(' ,\t')]];
          expect(variantOf([name], cut)).toBe(variantOf([name], joined));
        },
      ),
    );
  });

  it('depends on the fields that are named alone, in whatever order the request has them', () => {
    fc.assert(
      fc.property(request, (fields) => {
        const named = fields.filter(([name]) => name === 'a');
        expect(variantOf(['a'], fields)).toBe(variantOf(['a'], named));
        expect(namesIn(variantOf(['a', 'b'], fields))).toEqual(['a', 'b']);
      }),
    );
  });

  it('of what is absent is no other', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect(variantOf(['a'], [['a', value]])).not.toBe(variantOf(['a'], []));
      }),
    );
  });
});
