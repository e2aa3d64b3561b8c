import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../telemetry/log.js';
import { openDiskStore } from './disk-store.js';
import { objectStoreContract } from './object-store.contract.js';

const folders: string[] = [];

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-store-'));
  folders.push(folder);
  return folder;
}

afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
});

objectStoreContract('disk store', async () => openDiskStore({ root: await newFolder(), log: silentLog }));

describe('a disk store', () => {
  it('finds its objects again, and removes what was never finished', async () => {
    const root = await newFolder();
    const first = await openDiskStore({ root, log: silentLog });
    const facts = await first.put('raw/v_1', Buffer.from('kept'));
    await mkdir(join(root, 'partial', 'doomed', 'deep'), { recursive: true });
    await writeFile(join(root, 'partial', 'torn'), 'half an obj');
    const second = await openDiskStore({ root, log: silentLog });
    expect(await second.head('raw/v_1')).toEqual(facts);
    expect(await readdir(join(root, 'partial'))).toEqual([]);
  });

  it('tells where an object lies on this box', async () => {
    const store = await openDiskStore({ root: await newFolder(), log: silentLog });
    await store.put('raw/v_1', Buffer.from('film'));
    expect(await readFile(store.localPath('raw/v_1') ?? '', 'utf8')).toBe('film');
    expect(store.localPath('raw/v_2')).toBeNull();
    expect(() => store.localPath('../../etc/passwd')).toThrow('no object key');
  });

  it('adopts a file by moving it, and copies one from another file system', async () => {
    const store = await openDiskStore({ root: await newFolder(), log: silentLog });
    for (const folder of [await newFolder(), await mkdtemp('/dev/shm/headwater-store-')]) {
      folders.push(folder);
      const file = join(folder, 'staged');
      await writeFile(file, `from ${folder}`);
      await store.adopt(file, 'raw/v_1');
      expect(await readFile(store.localPath('raw/v_1') ?? '', 'utf8')).toBe(`from ${folder}`);
      expect(await readdir(folder)).toEqual([]);
    }
    await expect(store.adopt('/nonexistent', 'raw/v_2')).rejects.toMatchObject({ code: 'storage.failed' });
  });

  it('stores a file that stays, without a copy where it can, as often as it is told to', async () => {
    const store = await openDiskStore({ root: await newFolder(), log: silentLog });
    for (const [folder, links] of [
      [await newFolder(), 2],
      [await mkdtemp('/dev/shm/headwater-store-'), 1],
    ] as const) {
      folders.push(folder);
      const file = join(folder, 'segment');
      await writeFile(file, `from ${folder}`);
      const facts = await store.putFile('live/b_1/0.m4s', file);
      expect(await store.putFile('live/b_1/0.m4s', file)).toMatchObject({ size: facts.size });
      expect((await stat(file)).nlink).toBe(links);
      expect(await readFile(store.localPath('live/b_1/0.m4s') ?? '', 'utf8')).toBe(`from ${folder}`);
      await rm(file);
      expect(await readFile(store.localPath('live/b_1/0.m4s') ?? '', 'utf8')).toBe(`from ${folder}`);
      expect(await readdir(join(store.localPath('live/b_1/0.m4s') ?? '', '../../../../partial'))).toEqual([]);
    }
    await expect(store.putFile('raw/v_2', '/nonexistent')).rejects.toMatchObject({ code: 'storage.failed' });
  });

  it('leaves no empty folders behind', async () => {
    const root = await newFolder();
    const store = await openDiskStore({ root, log: silentLog });
    await store.put('job/j_1/7/init.mp4', Buffer.from('x'));
    await store.put('job/j_2/7/init.mp4', Buffer.from('x'));
    await store.delete('job/j_1/7/init.mp4');
    await store.deletePrefix('job/j_2/7/');
    expect(await readdir(join(root, 'objects'))).toEqual([]);
  });

  it('lists folders larger than it holds names at once', async () => {
    const root = await newFolder();
    const store = await openDiskStore({ root, log: silentLog });
    const folder = join(root, 'objects', 'many');
    await mkdir(folder);
    const names = Array.from({ length: 4500 }, (_, i) => String(i).padStart(5, '0'));
    for (const name of names) await writeFile(join(folder, name), '');
    const listed: string[] = [];
    for (let page = await store.list('many/'); page.length > 0; ) {
      listed.push(...page);
      page = await store.list('many/', { after: page.at(-1) });
    }
    expect(listed).toEqual(names.map((name) => `many/${name}`));
  });

  it('refuses a key that is the folder of another, and keeps both ways open', async () => {
    const store = await openDiskStore({ root: await newFolder(), log: silentLog });
    await store.put('a/b', Buffer.from('x'));
    await expect(store.put('a', Buffer.from('y'))).rejects.toMatchObject({ code: 'storage.bad-key' });
    await expect(store.put('a/b/c', Buffer.from('y'))).rejects.toMatchObject({ code: 'storage.bad-key' });
    expect(await store.list('')).toEqual(['a/b']);
  });

  it('says so when its folder cannot be used', async () => {
    const root = join(await newFolder(), 'file');
    await writeFile(root, 'not a folder');
    await chmod(root, 0o600);
    await expect(openDiskStore({ root, log: silentLog })).rejects.toMatchObject({ hint: expect.any(String) });
  });
});

describe('a full disk', () => {
  it('fails the put with what to do about it, and destroys its source', async () => {
    const root = await newFolder();
    // The kernel's own full device: every write to it is answered with ENOSPC.
    const createFile = () => open('/dev/full', 'w');
    const store = await openDiskStore({ root, log: silentLog, createFile });
    const source = Readable.from([Buffer.alloc(1000), Buffer.alloc(1000)]);
    await expect(store.put('k', source)).rejects.toMatchObject({
      code: 'storage.full',
      hint: expect.stringContaining('df -h'),
    });
    expect(source.destroyed).toBe(true);
    expect(await store.list('')).toEqual([]);
  });

  if (mayMount()) {
    it('keeps what it has, leaves nothing behind, and takes puts again once there is room', async () => {
      expect(onTinyDisk(await newFolder(), fillTheDisk)).toEqual({
        code: 'storage.full',
        kept: 100_000,
        keys: ['kept'],
        partial: [],
        afterwards: 900_000,
      });
    });
  }
});

/** Runs in a process of its own, since a private mount is seen by no other: `disk` is a tmpfs of 1 MiB. */
const fillTheDisk = `
  const { readdir } = await import('node:fs/promises');
  const { openDiskStore } = await import(process.argv[1]);
  const { silentLog } = await import(process.argv[2]);
  const store = await openDiskStore({ root: process.argv[3], log: silentLog });
  await store.put('kept', Buffer.alloc(100_000));
  const { code } = await store.put('big', Buffer.alloc(2_000_000)).catch((error) => error);
  const found = {
    code,
    kept: (await store.head('kept')).size,
    keys: await store.list(''),
    partial: await readdir(process.argv[3] + '/partial'),
  };
  await store.delete('kept');
  const afterwards = (await store.put('later', Buffer.alloc(900_000))).size;
  process.stdout.write(JSON.stringify({ ...found, afterwards }));
`;

function onTinyDisk(folder: string, script: string): unknown {
  const built = (path: string) => new URL(`../../dist/${path}`, import.meta.url).href;
  const mounted = 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@" "$0"';
  const node = [
    process.execPath,
    '--input-type=module',
    '-e',
    script,
    built('storage/disk-store.js'),
    built('telemetry/log.js'),
  ];
  return JSON.parse(execFileSync('unshare', ['-m', 'sh', '-c', mounted, folder, ...node], { encoding: 'utf8' }));
}

/** Whether this user may mount in a namespace of their own, as root outside of most containers may. */
function mayMount(): boolean {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
