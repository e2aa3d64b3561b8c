// Which eviction policy keeps the most of what is asked for: traces made from a seed, replayed through several policies, the memory
// tier's own (dist/edge-cache/memory/s3-fifo.js) among them. No network, one thread; the ratios are the same on every machine.
//   node bench/cache-traces.mjs [--seed 1] [--length 300000] [--only vod,live] [--parts 1,5,10,25] [--markdown]
// Needs a built tree (npm run build). Objects over a sixteenth of the memory are kept by none, as in the edge.
import { parseArgs } from 'node:util';
import { S3Fifo } from '../dist/edge-cache/memory/s3-fifo.js';
import { machine } from './box-under-test.mjs';
import { Gdsf } from './cache-traces/gdsf.mjs';
import { PlainS3Fifo } from './cache-traces/plain-s3-fifo.mjs';
import { Lru, Sieve, Slru } from './cache-traces/policies.mjs';
import { makeTrace, traceNames } from './cache-traces/traces.mjs';
import { WTinyLfu } from './cache-traces/w-tiny-lfu.mjs';

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    length: { type: 'string', default: '300000' },
    only: { type: 'string', default: traceNames.join(',') },
    parts: { type: 'string', default: '1,5,10,25' },
    markdown: { type: 'boolean', default: false },
  },
});

/** The product's policy in the others' clothes. */
class Product {
  #cache;

  constructor(bytesMax) {
    this.#cache = new S3Fifo({ bytesMax, dispose() {} });
  }

  get bytes() {
    return this.#cache.bytes;
  }

  get(name) {
    return this.#cache.get(name) !== undefined;
  }

  set(name, bytes) {
    this.#cache.set({ key: name, uses: 0 }, bytes);
  }
}

/** Caffeine lets the window grow where that pays; this is about as far as it goes. */
class WideWTinyLfu extends WTinyLfu {
  constructor(bytesMax) {
    super(bytesMax, { window: 0.1 });
  }
}

const policies = {
  LRU: Lru,
  SLRU: Slru,
  SIEVE: Sieve,
  'S3-FIFO': PlainS3Fifo,
  'W-TinyLFU': WTinyLfu,
  'its window 10%': WideWTinyLfu,
  GDSF: Gdsf,
  ours: Product,
};

/** Hits in percent of the objects and of the bytes asked for, and ns of CPU for each request, its `set` included. */
function replay(trace, policy, bytesMax) {
  const objectMax = bytesMax / 16;
  const asked = { hits: 0, hitBytes: 0, bytes: 0 };
  const before = process.cpuUsage();
  for (const object of trace.requests) {
    const size = trace.sizes[object];
    const name = trace.names[object];
    asked.bytes += size;
    if (policy.get(name)) {
      asked.hits += 1;
      asked.hitBytes += size;
    } else if (size <= objectMax) policy.set(name, size);
  }
  const { user, system } = process.cpuUsage(before);
  if (policy.bytes > bytesMax) throw new Error(`${policy.constructor.name} holds more than it may`);
  const count = trace.requests.length;
  return {
    objects: (100 * asked.hits) / count,
    bytes: (100 * asked.hitBytes) / asked.bytes,
    ns: (1e3 * (user + system)) / count,
  };
}

const row = (first, cells) =>
  options.markdown
    ? `| ${[first, ...cells].join(' | ')} |`
    : first.padEnd(18) + cells.map((c) => c.padStart(15)).join('');
const hits = ({ objects, bytes }) => `${objects.toFixed(1)} / ${bytes.toFixed(1)}`;
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

const all = Object.fromEntries(Object.keys(policies).map((name) => [name, []]));

function replayAll(name) {
  const trace = makeTrace(name, { seed: Number(options.seed), length: Number(options.length) });
  const { footprint } = trace;
  const objects = new Set(trace.requests).size;
  const title = `${name}: ${trace.requests.length} requests, ${objects} objects, ${(footprint / 2 ** 30).toFixed(1)} GiB`;
  if (!options.markdown) console.log(title);
  for (const part of options.parts.split(',').map(Number)) {
    const cells = Object.entries(policies).map(([policy, Policy]) => {
      const bytesMax = Math.floor((footprint * part) / 100);
      const result = replay(trace, new Policy(bytesMax), bytesMax);
      all[policy].push(result);
      return hits(result);
    });
    console.log(row(options.markdown ? `${name}, ${part}%` : `  ${part}%`, cells));
  }
}

const wanted = options.only.split(',');
for (const name of wanted) {
  if (!traceNames.includes(name)) throw new Error(`no such trace: ${name}; there are ${traceNames.join(', ')}`);
}
console.log(machine());
console.log('hits in % of the objects / of the bytes asked for, by the memory in % of all bytes');
console.log(row('', Object.keys(policies)));
if (options.markdown)
  console.log(
    row(
      '---',
      Object.keys(policies).map(() => '---'),
    ),
  );
for (const name of wanted) replayAll(name);
const means = Object.values(all).map((results) => ({
  objects: mean(results.map(({ objects }) => objects)),
  bytes: mean(results.map(({ bytes }) => bytes)),
  ns: mean(results.map(({ ns }) => ns)),
}));
console.log(row('mean', means.map(hits)));
console.log(
  row(
    'CPU ns a request',
    means.map(({ ns }) => ns.toFixed(0)),
  ),
);
