import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { archiveKey, archivePrefix, writeArchive } from '../origin/recording/archive-file.js';
import { BroadcastIndex } from '../origin/recording/broadcast-index.js';
import { AUDIO, aRun, aSegment, BROADCAST, V360 } from '../origin/recording/index.fixture.js';
import { openDiskStore } from '../storage/disk-store.js';
import { silentLog } from '../telemetry/log.js';
import { ArchivePosters, type ArchivePostersOptions } from './archive-posters.js';

const OTHER = 'b_0000000000000002';

/** A header and a segment of two seconds. */
function fragmented(): { init: Buffer; segment: Buffer } {
  const bytes = execFileSync('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25', '-t', '2', '-pix_fmt', 'yuv420p'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-frag_duration', '2000000'],
    ...['-movflags', 'empty_moov+default_base_moof', '-f', 'mp4', 'pipe:1'],
  ]);
  const moof = bytes.indexOf('moof') - 4;
  return { init: bytes.subarray(0, moof), segment: bytes.subarray(moof) };
}

it('makes the posters that a box which died had not made; a broadcast of sound alone has none', async () => {
  const root = await mkdtemp(join(tmpdir(), 'headwater-posters-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const objects = await openDiskStore({ root, log: silentLog });
  for (const [id, rendition] of [
    [BROADCAST, V360],
    [OTHER, AUDIO],
  ] as const) {
    const index = new BroadcastIndex(id, 'town-hall');
    index.add(aSegment(aRun({ renditions: [rendition] }), rendition.id, 0));
    await objects.put(archiveKey(id), Buffer.from(writeArchive({ index, told: null }, true)));
  }
  const { init, segment } = fragmented();
  await objects.put(`${archivePrefix(BROADCAST)}v360/init-1.mp4`, init);
  await objects.put(`${archivePrefix(BROADCAST)}v360/0.m4s`, segment);
  const owed = [OTHER, BROADCAST].map((broadcastId) => ({ videoId: broadcastId.replace('b', 'v'), broadcastId }));
  const catalog = {
    archivesWithoutPoster: async () => owed,
    append: async () => ({ applied: true, result: undefined }),
  } as unknown as ArchivePostersOptions['catalog'];
  const options = { catalog, objects, scratchDir: join(root, 'scratch'), binary: 'ffmpeg', log: silentLog };
  const made = await new Promise<string>((resolve) => {
    const posters = new ArchivePosters({ ...options, onPoster: resolve });
    onTestFinished(() => posters.close());
    posters.addOwed();
  });
  expect(made).toBe('v_0000000000000001');
  expect(await objects.list(archivePrefix(OTHER))).toEqual([archiveKey(OTHER)]);
  expect((await objects.get(`${archivePrefix(BROADCAST)}poster.jpg`))?.size).toBeGreaterThan(1000);
});
