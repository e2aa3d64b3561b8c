import { expect, it } from 'vitest';
import { CallerPolicy } from './caller-policy.js';
import { hashOfKey } from './stream-id.js';

it('answers with the passphrase of the key, or the reason against the stream id', () => {
  const policy = new CallerPolicy(
    () => 0,
    () => {},
  );
  const keyHash = hashOfKey('key-hall');
  policy.learn(
    [],
    [
      { keyHash, passphrase: 'ten letters' },
      { keyHash: hashOfKey('key-yard'), passphrase: null },
    ],
  );
  expect(policy.answer('key-hall?backup=1')).toEqual({ kind: 'go-on', keyHash, passphrase: 'ten letters' });
  expect(policy.answer('#!::m=publish,s=key-hall')).toEqual({ kind: 'go-on', keyHash, passphrase: 'ten letters' });
  expect(policy.answer('key-yard')).toMatchObject({ kind: 'go-on', passphrase: null });
  expect(policy.answer('')).toEqual({ kind: 'reject', code: 1400 });
  expect(policy.answer('#!::m=request,s=key-hall')).toEqual({ kind: 'reject', code: 1405 });
  expect(policy.answer('key-nobody')).toEqual({ kind: 'reject', code: 1401 });
  policy.learn([keyHash], []);
  expect(policy.answer('key-hall')).toEqual({ kind: 'reject', code: 1401 });
});

it('looks for news before it says that there is no such key', () => {
  let asked = 0;
  const policy: CallerPolicy = new CallerPolicy(
    () => 0,
    () => {
      asked++;
      policy.learn([], [{ keyHash: hashOfKey('key-news'), passphrase: null }]);
    },
  );
  expect(policy.answer('key-news')).toMatchObject({ kind: 'go-on' });
  expect(policy.answer('key-news')).toMatchObject({ kind: 'go-on' });
  expect(asked).toBe(1);
});

it('rejects a key for a moment after it was refused', () => {
  let now = 0;
  const policy = new CallerPolicy(
    () => now,
    () => {},
  );
  policy.learn([], [{ keyHash: hashOfKey('key-hall'), passphrase: null }]);
  policy.refuse(hashOfKey('key-hall'), 1409, 2000);
  now = 1999;
  expect(policy.answer('key-hall')).toEqual({ kind: 'reject', code: 1409 });
  now = 2000;
  expect(policy.answer('key-hall')).toMatchObject({ kind: 'go-on' });
});

it('remembers a bounded number of refusals', () => {
  const policy = new CallerPolicy(
    () => 0,
    () => {},
  );
  for (let index = 0; index <= 1000; index++) policy.refuse(hashOfKey(`key-${index}`), 1409, 1);
  expect(policy.answer('key-0')).toEqual({ kind: 'reject', code: 1401 });
  expect(policy.answer('key-1')).toEqual({ kind: 'reject', code: 1409 });
});
