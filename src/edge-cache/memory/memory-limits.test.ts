import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { packageFolder } from '../../telemetry/package-files.js';

const gibibyte = 2 ** 30;
/** For the program itself, which takes far more addresses than memory. */
const ownBytes = 1.5 * gibibyte;

const preamble = [
  ['{ MemoryTier }', 'edge-cache/memory/memory-tier.js'],
  ['{ CachedObject }', 'edge-cache/memory/cached-object.js'],
  ['{ EdgeMetrics }', 'edge-cache/edge-metrics.js'],
  ['{ Metrics }', 'telemetry/metrics.js'],
]
  .map(([names, path]) => `import ${names} from '${new URL(`dist/${path}`, packageFolder)}';`)
  .join('\n');

/** Runs this with so much address space beside its own, and says what it wrote. */
async function limitedTo(bytes: number, program: string): Promise<string> {
  const limit = Math.ceil((ownBytes + bytes) / 1024);
  const args = ['-c', `ulimit -v ${limit} && exec "$0" --input-type=module -e "$1"`, process.execPath];
  const { stdout } = await promisify(execFile)('bash', [...args, `${preamble}\n${program}`]);
  return stdout;
}

describe('the memory tier, where V8 has less room than it', () => {
  it('keeps as many heads as fit', async () => {
    const program = `
      const tier = new MemoryTier({ bytesMax: ${gibibyte}, metrics: new EdgeMetrics(new Metrics()), log: console });
      const stale = { forbidden: true, whileRevalidateMs: 0, ifErrorMs: null };
      for (let at = 0; at < 200000; at += 1) {
        const freshness = { lifetimeMs: at, initialAgeMs: 0.5, receivedAt: at, stale: { ...stale } };
        const headers = ['content-type', 'etag', 'x-own'].map((name) => [name, name + ' of a length of its own ' + at]);
        const head = { status: 200, headers, upstreamStatus: '', etag: headers[1][1], lastModified: null, date: at, freshness };
        const object = CachedObject.open({ key: 'object ' + at, head, length: 5, bytesMax: 5, room: tier });
        object.append(Buffer.from('hello'));
        object.complete();
        tier.put(object);
      }
      console.log(tier.objects, tier.has('object 199999'));`;
    const args = ['--max-old-space-size=80', '--input-type=module', '-e', `${preamble}\n${program}`];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const [objects, hasLast] = stdout.trim().split(' ');
    expect(hasLast).toBe('true');
    expect(Number(objects)).toBeGreaterThan(10_000);
    expect(Number(objects)).toBeLessThan(50_000);
  });
});

/** Real limits of the system, which hold for a process of their own. */
describe.runIf(process.platform === 'linux')('the memory tier, where the system has less than it may have', () => {
  it('says what to do at the start', async () => {
    const said = await limitedTo(
      0,
      `
      try {
        const held = [];
        // Whatever this program takes of its own.
        for (let taken = 0; taken < ${ownBytes}; taken += 2 ** 26) held.push(new SharedArrayBuffer(2 ** 26));
      } catch {}
      try {
        new MemoryTier({ bytesMax: ${8 * gibibyte}, metrics: new EdgeMetrics(new Metrics()), log: console });
      } catch (error) {
        console.log(error.code, error.hint);
      }`,
    );
    expect(said).toMatch(/^edge-cache\.memory-refused Give the cache less \(edge\.memory/);
  });

  it('keeps what it can, and says so once', async () => {
    const said = await limitedTo(
      1.5 * gibibyte,
      `
      const said = [];
      const log = { warn: ({ hint }, message) => said.push(message + ': ' + hint) };
      const tier = new MemoryTier({ bytesMax: ${8 * gibibyte}, metrics: new EdgeMetrics(new Metrics()), log });
      const stale = { forbidden: true, whileRevalidateMs: 0, ifErrorMs: null };
      const freshness = { lifetimeMs: 1, initialAgeMs: 0, receivedAt: 0, stale };
      const head = { status: 200, headers: [], upstreamStatus: '', etag: null, lastModified: null, date: 0, freshness };
      // Pages that nobody writes to cost nothing.
      const extents = [];
      for (let times = 0; times < 40; times += 1) {
        const extent = tier.extents.take(${gibibyte / 4});
        if (extent !== null) extents.push(extent);
      }
      for (const extent of extents) tier.extents.give(extent);
      const object = CachedObject.open({ key: 'a', head, length: 5, bytesMax: 5, room: tier });
      object.append(Buffer.from('hello'));
      object.complete();
      tier.put(object);
      const kept = Buffer.from(tier.get('a').view(0, 5)).toString();
      const none = CachedObject.open({ key: 'b', head, length: ${6 * gibibyte}, bytesMax: ${6 * gibibyte}, room: tier });
      console.log(JSON.stringify({ said, extents: extents.length, kept, none }));`,
    );
    const { said: warnings, extents, ...rest } = JSON.parse(said) as { said: string[]; extents: number };
    expect(warnings).toEqual([expect.stringMatching(/refused 1024 MiB .* at most \d+MiB \(edge\.memory/)]);
    expect([4, 8]).toContain(extents);
    expect(rest).toEqual({ kept: 'hello', none: null });
  });
});
