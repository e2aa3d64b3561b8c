import { storageFailure } from './storage-failure.js';

/** Longest key in bytes; S3 has the same bound. */
const keyBytesMax = 1024;
/** Longest part between two slashes: what file systems take as a name. */
const partBytesMax = 255;

const part = /^[A-Za-z0-9._-]+$/;

/** The parts of a key. Throws `storage.bad-key` on anything that is none, above all on what could leave the store's folder. */
export function keyParts(key: string): string[] {
  const parts = key.split('/');
  if (key.length > keyBytesMax || !parts.every(isPart)) throw badKey(key);
  return parts;
}

/** Checks what keys may begin with: whole parts, then perhaps the beginning of one. */
export function assertKeyPrefix(prefix: string): void {
  const parts = prefix.split('/');
  const last = parts.pop() ?? '';
  if (prefix.length > keyBytesMax || !parts.every(isPart) || !/^[A-Za-z0-9._-]*$/.test(last)) throw badKey(prefix);
}

export function isPart(name: string): boolean {
  return name.length <= partBytesMax && part.test(name) && name !== '.' && name !== '..';
}

function badKey(key: string): Error {
  const shown = JSON.stringify(key.slice(0, 200));
  return storageFailure('storage.bad-key', `${shown} is no object key`, {
    hint: 'Keys are names of [A-Za-z0-9._-] joined by single slashes, at most 1024 bytes; no name is . or ..',
  });
}
