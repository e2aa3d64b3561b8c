import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openScene, type Scene } from '../../edge-cache/edge.fixture.js';
import { echo } from '../../edge-cache/gates/gates.fixture.js';
import { Failure } from '../../telemetry/failure.js';
import { loadSettings } from '../config.js';
import { readSigningKeys } from '../signing-keys.js';
import { addSignCommand } from './edge-sign.js';

const secret = 'kept in a file of its own';
const folder = mkdtempSync(join(tmpdir(), 'headwater-sign-'));
const config = join(folder, 'edge.yaml');
writeFileSync(join(folder, 'k1.secret'), `${secret}\n`);
writeFileSync(
  config,
  `edge:
  signed:
    prefixes: [/vod/, /media/]
    keys:
      - { id: k1, secretFile: ${join(folder, 'k1.secret')} }
      - { id: k0, secret: the secret of last month }
`,
);

/** What the command prints. */
async function sign(...words: string[]): Promise<string> {
  const edge = new Command('edge').enablePositionalOptions().exitOverride();
  addSignCommand(edge);
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const notes = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    await edge.parseAsync(['sign', '--config', config, ...words], { from: 'user' });
    return out.mock.calls
      .map(([text]) => String(text))
      .join('')
      .trim();
  } finally {
    out.mockRestore();
    notes.mockRestore();
  }
}

const failure = async (...words: string[]): Promise<Failure> => {
  const error = await sign(...words).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Failure) return error;
  throw new Error(`not refused: ${String(error)}`);
};

describe('headwater edge sign', () => {
  let scene: Scene | undefined;
  afterEach(async () => {
    await scene?.close();
    scene = undefined;
  });
  const open = async (): Promise<Scene> => {
    const settings = loadSettings({ file: config });
    const { prefixes, parameter } = settings.edge.signed;
    const signed = { prefixes, parameter, keys: readSigningKeys(settings) };
    scene = await openScene({ engine: 'node', originSays: echo, gates: { signed } });
    return scene;
  };

  it('prints an address that the edge opens, and that one alone', async () => {
    const { ask } = await open();
    const url = await sign('/vod/v_0123456789/index.m3u8?x=1', '--expires', '2h');
    expect(url).toMatch(/^\/vod\/v_0123456789\/index\.m3u8\?x=1&hw_token=1\.k1\./);
    expect((await ask(url)).status).toBe(200);
    expect((await ask(url.replace('index', 'v360'))).cacheStatus).toContain('token-wrong-path');
  });

  it('opens the folder with --prefix, and all media of a video', async () => {
    const { ask } = await open();
    const url = await sign('/vod/v_0123456789/index.m3u8', '--prefix', '--expires', '1d', '--network', '127.0.0.0/8');
    expect((await ask(url)).status).toBe(200);
    expect((await ask(url.replace('index', 'v360'))).status).toBe(200);
    expect((await ask(url.replace('/vod/v_0123456789/index.m3u8', '/media/v_0123456789/v360/1.m4s'))).status).toBe(200);
    expect((await ask(url.replace('v_0123456789', 'v_9999999999'))).cacheStatus).toContain('token-wrong-path');
  });

  it('says all of it as JSON, signs with the key that is named, and takes a whole address', async () => {
    const words = [
      '--prefix',
      '--also',
      '/media/b_0123456789/',
      '--key',
      'k0',
      '--in-path',
      '--json',
      '--expires',
      '90s',
    ];
    const before = Date.now();
    const { url, token, expires, paths } = JSON.parse(await sign('https://tv.example/live/news/index.m3u8', ...words));
    expect(url).toBe(`https://tv.example/~${token}/live/news/index.m3u8`);
    expect(token).toMatch(/^1\.k0\./);
    expect(paths).toEqual(['/live/news/', '/media/b_0123456789/']);
    expect(Date.parse(expires)).toBeGreaterThanOrEqual(Math.floor(before / 1000) * 1000 + 90_000);
  });

  it.each([
    ['no path', ['vod/x', '--expires', '2h'], /begins with a slash/],
    ['dots', ['/vod/../x', '--expires', '2h'], /without dot segments/],
    ['a span without unit', ['/vod/x', '--expires', '2'], /90s, 30m, 2h or 7d/],
    ['no time at all', ['/vod/x', '--expires', '0s'], /90s, 30m, 2h or 7d/],
    ['no network', ['/vod/x', '--expires', '2h', '--network', 'home'], /CIDR/],
    ['no folder', ['/vod/x', '--expires', '2h', '--also', '/media'], /begins and ends with a slash/],
    ['a key that is not there', ['/vod/x', '--expires', '2h', '--key', 'k9'], /edge\.signed\.keys/],
    [
      'more than fits',
      ['/vod/x', '--expires', '2h', ...Array(17).fill(['--network', '192.0.2.1']).flat()],
      /at most 16/,
    ],
  ])('refuses %s, and says what to do', async (_what, words, hint) => {
    expect((await failure(...(words as string[]))).hint).toMatch(hint);
  });

  it.each([
    ['{ id: k1, secret: short }', /has 5 characters/],
    ['{ id: k1 }', /needs a secret or a secretFile/],
    ['{ id: "k 1", secret: at-least-16-characters }', /is no id/],
    [`{ id: k1, secretFile: ${join(folder, 'none')} }`, /cannot be read/],
    ['{ id: k1, secret: at-least-16-characters }, { id: k1, secret: at-least-16-characters }', /two keys/],
  ])('refuses the key %s without telling its secret', async (keys, message) => {
    const { message: told, hint } = await failure('/vod/x', '--expires', '2h', '--set', `edge.signed.keys=[${keys}]`);
    expect(told).toMatch(message);
    expect(told + hint).not.toMatch(/short|at-least/);
  });
});
