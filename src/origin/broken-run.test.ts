import { afterEach, describe, expect, it } from 'vitest';
import { BROADCAST, endOf, GRID, hintOf, IDS, KEYS, lowLatencyAt, nameOf, SteppedRun } from './low-latency.fixture.js';
import { mediaPlaylistAt, type ServedOrigin, serveOrigin, until } from './origin.fixture.js';

const served: ServedOrigin[] = [];
afterEach(() => Promise.all(served.splice(0).map((box) => box.close())));

async function origin() {
  const made = await serveOrigin();
  served.push(made);
  return made;
}

const whole = ({ url }: ServedOrigin, id: string, count: number) =>
  until(async () => {
    const found = await mediaPlaylistAt(`${url}/live/c/${id}.m3u8`);
    return found.segments.length >= count && found;
  });

const startsAt = (start: Date | undefined) => (Number(start) - 1_700_000_000_000) / 1000;

describe('a run that is cut off in the middle of a segment whose parts were announced', () => {
  it('closes the segment with these parts, and the next run goes on behind them with the next number', async () => {
    const box = await origin();
    const first = await SteppedRun.open(box, { seconds: 5 });
    // One segment, three parts of the next; the lower picture is a part behind.
    await first.give(13, ['v180', 'audio']);
    await first.give(12, ['v90']);
    await Promise.all(IDS.map((id) => whole(box, id, 1)));
    const growing = fetch(`${box.url}/media/${BROADCAST}/v180/1.m4s`).then((answer) => answer.arrayBuffer());
    const third = await fetch(`${box.url}/media/${BROADCAST}/v180/1.2.m4s`).then((answer) => answer.arrayBuffer());
    // The earliest of the ends, so that no rendition has a hole.
    expect(first.sink.abandon()).toBe(2_400);
    const broken = await whole(box, 'v180', 2);
    expect(broken.segments.at(-1)?.duration).toBeCloseTo(0.6, 5);
    expect(hintOf(await lowLatencyAt(`${box.url}/live/c/v180.m3u8`))).toBe('2.0');
    const bytes = Buffer.from(await growing);
    expect(bytes.subarray(-third.byteLength)).toEqual(Buffer.from(third));

    const second = await SteppedRun.open(box, { seconds: 3, startSec: 2.4 });
    await second.give(9);
    for (const id of IDS) {
      const { segments } = await whole(box, id, 3);
      expect(segments.map(({ uri }) => nameOf(uri))).toEqual(['0', '1', '2']);
      expect(segments.map(({ discontinuity }) => discontinuity ?? false)).toEqual([false, false, true]);
      const [, cut, next] = segments;
      const hole = startsAt(next?.programDateTime) - startsAt(cut?.programDateTime) - (cut?.duration ?? 0);
      // Nothing is missing, and at most a part is there twice.
      expect(hole).toBeLessThan(0.025);
      expect(hole).toBeGreaterThan(-0.25);
    }
    expect(endOf(await lowLatencyAt(`${box.url}/live/c/v180.m3u8`))).toBe('3.0');
  });

  it('forgets what nobody was told of', async () => {
    const box = await origin();
    const first = await SteppedRun.open(box, { seconds: 5 });
    await first.give(10);
    await Promise.all(IDS.map((id) => whole(box, id, 1)));
    expect(first.sink.abandon()).toBe(2_000);
    const second = await SteppedRun.open(box, { seconds: 3, startSec: 2 });
    await second.give(10);
    const { segments } = await whole(box, 'v180', 2);
    expect(segments.map(({ uri, duration }) => [nameOf(uri), duration])).toEqual([
      ['0', 2],
      ['1', 2],
    ]);
  });

  it('tells nobody of a number that the picture has not begun: it would be a hole there', async () => {
    const box = await origin();
    const first = await SteppedRun.open(box, { seconds: 5 });
    await first.give(10, ['v180', 'v90']);
    await first.give(12, ['audio']);
    await Promise.all(IDS.map((id) => whole(box, id, 1)));
    expect(hintOf(await lowLatencyAt(`${box.url}/live/c/audio.m3u8`))).toBe('1.0');
    expect(first.sink.abandon()).toBe(2_000);
    const second = await SteppedRun.open(box, { seconds: 3, startSec: 2 });
    await second.give(10);
    for (const id of IDS) {
      const { segments } = await whole(box, id, 2);
      expect(segments.map(({ uri, gap }) => [nameOf(uri), gap ?? false])).toEqual([
        ['0', false],
        ['1', false],
      ]);
    }
  });

  it("is made again from the segment's beginning where only the source's keys can be begun at", async () => {
    const box = await origin();
    const first = await SteppedRun.open(box, { seconds: 6 }, KEYS);
    await first.give(14);
    await Promise.all(IDS.map((id) => whole(box, id, 1)));
    expect(first.sink.abandon()).toBe(2_000);
    const second = await SteppedRun.open(box, { seconds: 6, startSec: 2 }, KEYS);
    await second.give(12);
    const { segments } = await whole(box, 'v180', 3);
    expect(segments.map(({ programDateTime }) => startsAt(programDateTime))).toEqual([0, 2, 2]);
    expect(segments.map(({ discontinuity }) => discontinuity ?? false)).toEqual([false, false, true]);
    // Sound goes on where it was.
    const sound = await whole(box, 'audio', 3);
    expect(startsAt(sound.segments.at(-1)?.programDateTime)).toBeGreaterThan(2.3);
  });

  it('because its bytes were no good ends with the parts before them', async () => {
    const box = await origin();
    const first = await SteppedRun.open(box, { seconds: 5 }, GRID);
    await first.give(12);
    await Promise.all(IDS.map((id) => whole(box, id, 1)));
    await expect(first.spoil('v180')).rejects.toMatchObject({ code: 'origin.bad-box' });
    const { segments } = await whole(box, 'v180', 2);
    expect(segments.at(-1)?.duration).toBeCloseTo(0.4, 5);
    first.sink.abandon();
    const others = await whole(box, 'v90', 2);
    expect(others.segments.at(-1)?.duration).toBeCloseTo(0.4, 5);
  });
});
