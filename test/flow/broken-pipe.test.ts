import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { until } from '../box.js';

it('an edge whose log nobody reads any more still drains and stops', async () => {
  const data = mkdtempSync(join(tmpdir(), 'headwater-test-'));
  const doors = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--data', data];
  const program = fileURLToPath(new URL('../../bin/headwater.js', import.meta.url));
  const edge = spawn(process.execPath, [program, 'edge', '--upstream', 'http://127.0.0.1:9', ...doors], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    await until(async () => existsSync(join(data, 'ready.json')), 60_000);
    edge.stdout.destroy();
    edge.stderr.destroy();
    const exited = once(edge, 'exit');
    edge.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  } finally {
    edge.kill('SIGKILL');
    rmSync(data, { recursive: true, force: true });
  }
});
