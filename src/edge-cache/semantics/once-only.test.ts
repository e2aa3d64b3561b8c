import { expect, it } from 'vitest';
import { onceOnly } from './once-only.js';

it('a field that says the same as before is the very same, in a bounded memory', () => {
  const first = onceOnly('content-type', 'video/mp4');
  expect(onceOnly('content-type', ['video', 'mp4'].join('/'))).toBe(first);
  expect(onceOnly('content-type', 'text/plain')).toEqual(['content-type', 'text/plain']);
  expect(onceOnly('content-type', 'video/mp4')).toEqual(first);
  const long = 'x'.repeat(2000);
  expect(onceOnly('x-long', long)).toEqual(['x-long', long]);
  expect(onceOnly('x-long', long)).not.toBe(onceOnly('x-long', long));
  const pairs = Array.from({ length: 1000 }, (_, at) => onceOnly(`x-${at}`, 'same'));
  const again = pairs.filter(([name, value], at) => onceOnly(name, value) === pairs[at]);
  expect(again.length).toBeGreaterThan(200);
  expect(again.length).toBeLessThan(300);
});
