import { expect, it } from 'vitest';
import { BroadcastIndex, INDEX_SEGMENTS_MAX } from './broadcast-index.js';
import { aRun, aSegment, BROADCAST, STARTED_AT } from './index.fixture.js';
import { pruneRecording } from './pruning.js';
import { Recording } from './recording.js';

function storedRecording(segments: number): Recording {
  const recording = new Recording(new BroadcastIndex(BROADCAST, 'c'), { startedAt: STARTED_AT, recovered: false });
  const run = aRun();
  for (let number = 0; number < segments; number += 1) recording.index.add(aSegment(run, 'v360', number));
  const [step] = recording.steps();
  if (step !== undefined) recording.stored({ ...step, number: segments - 1 });
  return recording;
}

const prune = async (recording: Recording, archive: boolean, fails = false) => {
  const deleted: string[] = [];
  const remove = async (key: string) => {
    if (fails) throw new Error('the store is gone');
    deleted.push(key);
  };
  await pruneRecording(recording, { archive, dvrSec: 60 }, { delete: remove });
  return deleted;
};

it('deletes what viewers can no longer go back to, and forgets it only then', async () => {
  const recording = storedRecording(100);
  await expect(prune(recording, false, true)).rejects.toThrow('gone');
  expect(recording.isIndexed('v360', 0)).toBe(true);
  const deleted = await prune(recording, false);
  expect(deleted).toHaveLength(70);
  expect(deleted[0]).toBe(`live/${BROADCAST}/v360/0.m4s`);
  expect([69, 70].map((number) => recording.isIndexed('v360', number))).toEqual([false, true]);
});

it('keeps all of what becomes a video, up to what one video may hold', async () => {
  expect(await prune(storedRecording(100), true)).toEqual([]);
  const long = storedRecording(INDEX_SEGMENTS_MAX + 3);
  expect(await prune(long, true)).toHaveLength(3);
  expect(long.index.truncated).toBe(true);
});
