import { describe, expect, it } from 'vitest';
import type { Rendition } from '../../media/rendition.js';
import type { LiveRun, LiveSegment, RunInit } from '../live-segment.js';
import { RenditionWindow } from '../rendition-window.js';
import { findSlot, listedSlots } from './ts-slots.js';

const BROADCAST = 'b_0000000000000001';
const RENDITIONS: readonly Rendition[] = [
  { kind: 'video', id: 'v180', width: 320, height: 180, frameRate: 25, bitrate: 400_000, maxBitrate: 600_000 },
  { kind: 'audio', id: 'audio', bitrate: 96_000, sampleRate: 48_000, channels: 2 },
];

function runWith(codecs: Readonly<Record<string, string>>): LiveRun {
  const inits = Object.entries(codecs).map(([id, name]): [string, RunInit] => {
    const kind = id === 'audio' ? 'audio' : 'video';
    return [id, { kind, timescale: 1, codecs: name, width: 0, height: 0, sampleRate: 0, bytes: null }];
  });
  return {
    ...{ broadcastId: BROADCAST, run: 1, startedAt: 0, timelineOffsetSec: 10, segmentSec: 2, partSec: null },
    ...{ renditions: RENDITIONS, inits: new Map(inits), place: null },
  };
}

const H264_AAC = { v180: 'avc1.64001f', audio: 'mp4a.40.2' };

/** A window that knows these numbers of each rendition; negative ones are gaps. */
function window(
  known: { v180: readonly number[]; audio: readonly number[] },
  { run = runWith(H264_AAC), ended = false, length = 20 } = {},
) {
  const windows = Object.entries(known).map(([id, numbers]): [string, RenditionWindow] => {
    const rendition = new RenditionWindow(id, length);
    for (const number of numbers) {
      const facts = {
        number: Math.abs(number),
        gap: number < 0,
        run,
        rendition: id,
        start: 0,
        duration: 2,
        timescale: 1,
      };
      rendition.add({ ...facts, size: 0, spooled: true, parts: [], bytes: null } satisfies LiveSegment);
    }
    return [id, rendition];
  });
  const byId = new Map(windows);
  return { rendition: (id: string) => byId.get(id) ?? null, endedAt: ended ? 1 : null };
}

const listed = (...of: Parameters<typeof window>) => listedSlots(window(...of), 'v180').map(({ own }) => own.number);

describe('the slots of MPEG-TS', () => {
  it('wait for the sound that belongs to a picture', () => {
    expect(listed({ v180: [1, 2, 3], audio: [1, 2] })).toEqual([1, 2]);
    expect(listed({ v180: [1, 2], audio: [1, 2, 3] })).toEqual([1, 2]);
    expect(findSlot(window({ v180: [1, 2, 3], audio: [1, 2] }), BROADCAST, 'v180', 3)).toBeNull();
  });

  it('wait no longer once the broadcast is over, and go on without it', () => {
    const over = window({ v180: [1, 2, 3], audio: [1, 2] }, { ended: true });
    expect(listedSlots(over, 'v180').at(-1)?.tracks).toEqual([
      { rendition: 'v180', gap: false },
      { rendition: 'audio', gap: true },
    ]);
  });

  it('leave out numbers of which nobody knows any longer what belonged to them', () => {
    expect(listed({ v180: [1, 2, 3], audio: [2, 3] })).toEqual([2, 3]);
    expect(listed({ v180: [1, 2, 3], audio: [] })).toEqual([]);
  });

  it('have gaps only where nothing at all is there', () => {
    const slots = listedSlots(window({ v180: [1, -2, 3, -4], audio: [1, 2, -3, -4] }), 'v180');
    expect(slots.map(({ gap }) => gap)).toEqual([false, false, false, true]);
  });

  it('are pictures alone where the sound has no place in MPEG-TS, and none where the picture has none', () => {
    const opus = runWith({ ...H264_AAC, audio: 'opus' });
    expect(listedSlots(window({ v180: [1], audio: [1] }, { run: opus }), 'v180')[0]?.tracks).toHaveLength(1);
    const av1 = runWith({ ...H264_AAC, v180: 'av01.0.04M.08' });
    expect(listed({ v180: [1], audio: [1] }, { run: av1 })).toEqual([]);
    expect(listedSlots(window({ v180: [1], audio: [1] }, { run: av1 }), 'audio')).toHaveLength(1);
  });

  it('are none until all headers are there: what belongs to a number is never guessed', () => {
    expect(listed({ v180: [1], audio: [] }, { run: runWith({ v180: 'avc1.64001f' }), ended: true })).toEqual([]);
  });
});
