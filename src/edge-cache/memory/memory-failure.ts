import { Failure } from '../../telemetry/failure.js';

const mebibyte = 2 ** 20;

/** The system gave none of the memory that the cache may have, or no more than `gotBytes` of it. */
export function memoryRefused(
  { askedBytes, gotBytes }: { readonly askedBytes: number; readonly gotBytes: number },
  cause: unknown,
): Failure<'edge-cache.memory-refused'> {
  const least = gotBytes === 0 ? 'less' : `at most ${Math.floor(gotBytes / mebibyte)}MiB`;
  return new Failure(
    'edge-cache.memory-refused',
    `the system refused ${Math.ceil(askedBytes / mebibyte)} MiB of memory for the cache, which has ${Math.floor(gotBytes / mebibyte)} MiB`,
    {
      hint: `Give the cache ${least} (edge.memory, --cache-memory), or this process more: see ulimit -v, LimitAS= of its unit, and vm.overcommit_memory.`,
      cause,
    },
  );
}
