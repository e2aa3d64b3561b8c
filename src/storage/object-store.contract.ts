/** What every object store must do. Each store's test file runs all of it. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ObjectStore } from './object-store.js';

export function objectStoreContract(name: string, openEmpty: () => Promise<ObjectStore>): void {
  describe(name, () => {
    let store: ObjectStore;
    beforeEach(async () => {
      store = await openEmpty();
    });

    async function read(key: string, range?: { start: number; end: number }): Promise<string | null> {
      const object = await store.get(key, range);
      return object && (await buffer(object.body)).toString('latin1');
    }

    describe('objects', () => {
      it('come back as they were put, from bytes or a stream', async () => {
        await store.put('raw/v_1', Buffer.from('bytes'));
        const large = randomBytes(3_000_000);
        const facts = await store.put('raw/v_2', Readable.from(slices(large, 70_000)));
        expect(await read('raw/v_1')).toBe('bytes');
        expect(facts.size).toBe(large.length);
        const object = await store.get('raw/v_2');
        expect(object?.size).toBe(large.length);
        expect(object && (await buffer(object.body)).equals(large)).toBe(true);
      });

      it('may be empty', async () => {
        expect((await store.put('empty', Readable.from([]))).size).toBe(0);
        expect(await read('empty')).toBe('');
      });

      it('that are not there are null, and deleting them is no error', async () => {
        await store.put('a/b', Buffer.from('x'));
        for (const key of ['nothing', 'a', 'a/b/c', 'a/c']) {
          expect(await store.get(key)).toBeNull();
          expect(await store.head(key)).toBeNull();
          await store.delete(key);
        }
        expect(await read('a/b')).toBe('x');
      });

      it('say their facts: size, time, and an etag that changes with the content alone', async () => {
        const before = Date.now();
        const put = await store.put('k', Buffer.from('one'));
        expect(put.etag).toMatch(/^"[^"]+"$/);
        expect(Math.abs(put.lastModified.getTime() - before)).toBeLessThan(60_000);
        expect(await store.head('k')).toEqual(put);
        const { body, ...facts } = (await store.get('k')) ?? { body: Readable.from([]) };
        body.destroy();
        expect(facts).toEqual(put);
        const again = await store.put('k', Buffer.from('two'));
        expect(again.etag).not.toBe(put.etag);
        expect(await store.head('k')).toEqual(again);
      });

      it('are read in ranges of inclusive bytes', async () => {
        await store.put('digits', Buffer.from('0123456789'));
        expect(await read('digits', { start: 0, end: 0 })).toBe('0');
        expect(await read('digits', { start: 3, end: 5 })).toBe('345');
        expect(await read('digits', { start: 9, end: 9 })).toBe('9');
        const part = await store.get('digits', { start: 3, end: 5 });
        part?.body.destroy();
        expect(part?.size).toBe(10);
      });

      it('that are replaced or deleted while they are read come whole, as they were', async () => {
        const old = Buffer.alloc(2_000_000, 'o');
        await store.put('k', old);
        const replaced = await store.get('k');
        await store.put('k', Buffer.alloc(2_000_000, 'n'));
        const deleted = await store.get('k');
        await store.delete('k');
        expect(replaced && (await buffer(replaced.body)).equals(old)).toBe(true);
        expect(deleted && (await buffer(deleted.body))[0]).toBe('n'.charCodeAt(0));
        expect(await store.head('k')).toBeNull();
      });
    });

    describe('a put that does not finish', () => {
      it('leaves what was there: the source fails', async () => {
        await store.put('k', Buffer.from('old'));
        const failing = async function* () {
          yield Buffer.alloc(100_000);
          throw new Error('the source failed');
        };
        await expect(store.put('k', Readable.from(failing()))).rejects.toThrow('the source failed');
        expect(await read('k')).toBe('old');
        await expect(store.put('fresh', Readable.from(failing()))).rejects.toThrow('the source failed');
        expect(await store.list('')).toEqual(['k']);
      });

      it('leaves what was there: the source fails before it is read, or ends without saying why', async () => {
        const broken = new Readable({ read() {} });
        const putting = store.put('k', broken);
        broken.destroy(new Error('broken at once'));
        await expect(putting).rejects.toThrow('broken at once');
        const torn = new Readable({ read() {} });
        torn.push(Buffer.alloc(1000));
        setTimeout(() => torn.destroy(), 20);
        await expect(store.put('k', torn)).rejects.toThrow();
        expect(await store.list('')).toEqual([]);
      });

      it('leaves what was there: it is aborted, before or in the middle', async () => {
        const early = AbortSignal.abort(new Error('changed my mind'));
        await expect(store.put('k', Buffer.from('x'), { signal: early })).rejects.toThrow('changed my mind');
        const abort = new AbortController();
        const endless = Readable.from(
          (async function* () {
            for (let i = 0; ; i++) {
              if (i === 20) abort.abort(new Error('changed my mind'));
              yield Buffer.alloc(10_000);
            }
          })(),
        );
        await expect(store.put('k', endless, { signal: abort.signal })).rejects.toThrow('changed my mind');
        expect(endless.destroyed).toBe(true);
        expect(await store.list('')).toEqual([]);
      });

      it('is never seen in part', async () => {
        let more = () => {};
        const gate = new Promise<void>((resolve) => {
          more = resolve;
        });
        const slow = async function* () {
          yield Buffer.from('first ');
          await gate;
          yield Buffer.from('second');
        };
        const putting = store.put('k', Readable.from(slow()));
        await new Promise((resolve) => setTimeout(resolve, 50));
        expect(await store.head('k')).toBeNull();
        expect(await store.list('')).toEqual([]);
        more();
        await putting;
        expect(await read('k')).toBe('first second');
      });
    });

    it('does not pull a stream faster than it stores', async () => {
      let pulled = 0;
      const source = new Readable({
        highWaterMark: 64 * 1024,
        read() {
          pulled++;
          this.push(pulled > 200 ? null : Buffer.alloc(64 * 1024));
        },
      });
      const facts = await store.put('k', source);
      expect(facts.size).toBe(200 * 64 * 1024);
      expect(source.readableLength).toBe(0);
    });

    it('takes several puts of one key at once: one of them wins, whole', async () => {
      const bodies = Array.from({ length: 8 }, (_, i) => Buffer.alloc(50_000, String(i)));
      await Promise.all(bodies.map((body) => store.put('job/j/k', body)));
      const object = await store.get('job/j/k');
      const stored = object && (await buffer(object.body));
      expect(bodies.some((body) => stored?.equals(body))).toBe(true);
    });

    describe('prefixes', () => {
      it('are deleted whole, and nothing beside them', async () => {
        for (const key of ['job/a/1/x', 'job/a/2/y', 'job/a/2/z/deep', 'job/ab/1', 'jobs'])
          await store.put(key, Buffer.from(key));
        await store.deletePrefix('job/a/');
        await store.deletePrefix('job/none/');
        expect(await store.list('')).toEqual(['job/ab/1', 'jobs']);
        await store.put('job/a/1/x', Buffer.from('again'));
        expect(await read('job/a/1/x')).toBe('again');
      });

      it('may be deleted while objects are put below them', async () => {
        const puts = Array.from({ length: 20 }, (_, i) => store.put(`p/${i % 3}/${i}`, Buffer.from('x')));
        const deletes = Array.from({ length: 5 }, () => store.deletePrefix('p/'));
        await Promise.all([...puts, ...deletes]);
        await store.deletePrefix('p/');
        expect(await store.list('p/')).toEqual([]);
      });
    });

    describe('listing', () => {
      it('is in byte order, across folders', async () => {
        const keys = ['a', 'a-b', 'a.b', 'b/1', 'b/10', 'b/2', 'b-1', 'b.1', 'b0', 'B', '_', 'c/d/e', 'c/d.e', 'c/d-e'];
        for (const key of keys) await store.put(key, Buffer.from(key));
        expect(await store.list('')).toEqual([...keys].sort(byteOrder));
        expect(await store.list('b/')).toEqual(['b/1', 'b/10', 'b/2']);
        expect(await store.list('b/1')).toEqual(['b/1', 'b/10']);
        expect(await store.list('c/d')).toEqual(['c/d-e', 'c/d.e', 'c/d/e']);
        expect(await store.list('nothing/')).toEqual([]);
      });

      it('comes in pages that neither repeat nor leave out', async () => {
        const keys = Array.from({ length: 25 }, (_, i) => `x/${i % 4}/${i}`);
        await Promise.all(keys.map((key) => store.put(key, Buffer.from('x'))));
        const paged: string[] = [];
        for (;;) {
          const page = await store.list('x/', { limit: 4, after: paged.at(-1) });
          expect(page.length).toBeLessThanOrEqual(4);
          if (page.length === 0) break;
          paged.push(...page);
        }
        expect(paged).toEqual([...keys].sort(byteOrder));
        expect(await store.list('x/', { after: 'x/1/5' })).toEqual(
          [...keys].sort(byteOrder).filter((key) => key > 'x/1/5'),
        );
      });
    });

    describe('keys', () => {
      const bad = [
        '',
        '/',
        'a/',
        '/a',
        'a//b',
        '.',
        '..',
        'a/../b',
        '../a',
        'a/./b',
        'a b',
        'a\0b',
        'a\\b',
        'é',
        'a\n',
        '%2e%2e/a',
      ];
      it.each([...bad, 'x'.repeat(300), 'x/'.repeat(600)])('that are none are refused: %j', async (key) => {
        const refusal = { code: 'storage.bad-key', hint: expect.stringContaining('A-Za-z0-9') };
        const calls = [
          () => store.put(key, Buffer.from('x')),
          () => store.get(key),
          () => store.head(key),
          () => store.delete(key),
        ];
        for (const call of calls) await expect(call()).rejects.toMatchObject(refusal);
      });

      it.each(['..', '../', 'a/../', '/'])('cannot be listed or deleted out of the store: %j', async (prefix) => {
        if (prefix.includes('/')) await expect(store.list(prefix)).rejects.toMatchObject({ code: 'storage.bad-key' });
        else expect(await store.list(prefix)).toEqual([]);
        await expect(store.deletePrefix(prefix.endsWith('/') ? prefix : `${prefix}/`)).rejects.toMatchObject({
          code: 'storage.bad-key',
        });
      });

      it('of any strange text are stored or refused, and never reach another key', async () => {
        await store.put('guard', Buffer.from('guard'));
        const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.stringMatching(/^[./a-c]{0,8}$/));
        await fc.assert(
          fc.asyncProperty(text, async (key) => {
            fc.pre(key !== 'guard');
            const stored = await store.put(key, Buffer.from(key)).then(
              () => true,
              () => false,
            );
            if (stored) {
              expect(key).toMatch(/^[A-Za-z0-9._/-]+$/);
              expect(await store.list(key, { limit: 1 })).toEqual([key]);
              await store.delete(key);
            }
            expect(await store.list('')).toEqual(['guard']);
          }),
          { numRuns: 60 },
        );
        expect(await read('guard')).toBe('guard');
      });
    });
  });
}

function* slices(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function byteOrder(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
