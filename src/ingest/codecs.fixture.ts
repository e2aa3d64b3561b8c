import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';

const run = promisify(execFile);

/** What the real ffmpeg makes of these arguments; `format` is its name for the container. */
export async function encode(format: string, ...args: string[]): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-codecs-'));
  try {
    const file = join(folder, 'clip');
    await run('ffmpeg', ['-v', 'error', '-nostdin', ...args, '-f', format, file]);
    return await readFile(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export const PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=25'];
export const TONE = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'];

/** Bytes that came from nowhere, and `real` with some of its bytes changed or its end cut. */
export function foreignBytes(real: Buffer): fc.Arbitrary<Buffer> {
  const random = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  const changes = fc.array(fc.tuple(fc.nat(Math.max(0, real.length - 1)), fc.nat(255)), { maxLength: 6 });
  const damaged = fc.tuple(changes, fc.nat(real.length)).map(([edits, cut]) => {
    const bytes = Buffer.from(real);
    for (const [at, byte] of edits) bytes[at] = byte;
    return cut % 3 === 0 ? bytes.subarray(0, cut) : bytes;
  });
  return fc.oneof(random, damaged);
}
