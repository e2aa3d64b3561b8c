import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { spliceInsert } from '../media/splice-info.fixture.js';
import { record, shifted } from './recorded-source.fixture.js';
import type { MediaMessage } from './rtmp/flv-content.js';
import type { SourceCue } from './source-cue.js';
import { Stage } from './stage.fixture.js';

let recorded: MediaMessage[];
const stages: Stage[] = [];

beforeAll(async () => {
  recorded = await record({ seconds: 6 });
});

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] });
});

afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close();
  vi.useRealTimers();
});

afterAll(() => vi.useRealTimers());

async function open(): Promise<Stage> {
  const stage = await Stage.open({ defaults: { graceSec: 30, onLoss: 'hold' } });
  stages.push(stage);
  return stage;
}

const data = spliceInsert({ eventId: 1, out: true, pts: 1 });
const cueAt = (ms: number | null): SourceCue => ({
  ...{ kind: 'scte35', timescale: 90_000, data },
  time: ms === null ? null : ms * 90,
});
const upTo = (ms: number) => recorded.filter(({ clock }) => clock < ms);
const from = (ms: number) => recorded.filter(({ clock }) => clock >= ms);
const placesOf = ({ bench }: Stage) => bench.told.map(({ atMs }) => atMs);

describe('what a source tells beside its frames', () => {
  it('gets the place of the picture with the same time, also ahead of it, and the newest one’s where it has no time', async () => {
    const stage = await open();
    const session = await stage.admit();
    const clocked = (messages: readonly MediaMessage[]) => shifted([...messages], (clock) => clock + 500_000);
    // Before the first picture it can't be placed yet.
    session.cue(cueAt(504_000));
    stage.play({ session, messages: clocked(upTo(2000)), at: 0 });
    session.cue(cueAt(510_000));
    session.cue(cueAt(null));
    const pictures = await stage.packets(0);
    const [first] = pictures.filter(({ codec_type }) => codec_type === 'video');
    const firstClock = recorded.find(({ kind, clock }) => kind === 'video' && clock >= 0)?.clock ?? 0;
    const [early = 0, ahead = 0, newest = 0] = placesOf(stage);
    expect(Math.abs(early - (4000 - firstClock + (first?.pts ?? 0)))).toBeLessThanOrEqual(80);
    expect(ahead - early).toBe(6000);
    expect(newest).toBeGreaterThan(1800);
    expect(newest).toBeLessThan(2100);
    expect(stage.bench.told[0]).toMatchObject({
      channel: 'hall',
      broadcastId: session.broadcastId,
      kind: 'scte35',
      data,
    });
  });

  it('is left out where its time is not by the clock of the pictures', async () => {
    const stage = await open();
    const session = await stage.admit();
    stage.play({ session, messages: upTo(2000), at: 0 });
    session.cue(cueAt(5 * 3600 * 1000));
    session.cue(cueAt(-70_000));
    expect(placesOf(stage)).toEqual([]);
    expect(await stage.bench.metrics.text()).toMatch(/ingest_cues_total\{kind="off-clock"\} 2/);
  });

  it('is for viewers only while they see that source', async () => {
    const stage = await open();
    const primary = await stage.admit();
    const backup = await stage.admit({ backup: true });
    stage.play({ session: primary, messages: upTo(3000), at: 0 }, { session: backup, messages: upTo(3000), at: 0 });
    backup.cue(cueAt(4000));
    expect(placesOf(stage)).toEqual([]);
    primary.cue(cueAt(4000));
    primary.end();
    stage.play({ session: backup, messages: from(3000), at: 3000 });
    backup.cue(cueAt(7000));
    primary.cue(cueAt(8000));
    expect(placesOf(stage)).toHaveLength(2);
    expect(Math.abs((placesOf(stage)[1] ?? 0) - (placesOf(stage)[0] ?? 0) - 3000)).toBeLessThan(100);
  });
});
