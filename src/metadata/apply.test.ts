import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AUDIO, outputOf, SOURCE, StoreOnDisk, V360, V720 } from './catalog.fixture.js';
import type { EntryData, EntryType } from './entries.js';
import type { PackagedVideo, VideoWithJobs } from './records.js';

/** Few names, so that entries meet: most sequences hold claims, stale tokens, second planners and videos deleted midway. */
const videoId = fc.constantFrom('v_aaaaaaaaaaaaaaaa', 'v_bbbbbbbbbbbbbbbb');
const channel = fc.constantFrom('one', 'two');
const broadcastId = fc.constantFrom('b_aaaaaaaaaaaaaaaa', 'b_bbbbbbbbbbbbbbbb', 'b_cccccccccccccccc');
const jobId = fc.constantFrom('j_a', 'j_b', 'j_c', 'j_d');
const token = fc.integer({ min: 1, max: 60 });
const at = fc.integer({ min: 0, max: 100 });
const rendition = fc.constantFrom(AUDIO, V360, V720);
const userId = fc.constantFrom('u_1', 'u_2');
const jobs = fc.array(fc.record({ jobId, resolution: fc.constantFrom('audio', '360p'), rendition }), {
  minLength: 1,
  maxLength: 3,
});

type Proposal = { [T in EntryType]: { type: T; data: EntryData<T> } }[EntryType];
const of = <T extends EntryType>(type: T, data: fc.Arbitrary<EntryData<T>>): fc.Arbitrary<Proposal> =>
  data.map((value) => ({ type, data: value }) as unknown as Proposal);

const proposal = fc.oneof(
  of('user.created', fc.record({ userId, name: fc.constantFrom('ada', 'bob'), role: fc.constant('viewer' as const) })),
  of(
    'channel.created',
    fc.record({ name: channel, ownerId: userId, streamKey: fc.constantFrom('key-key-1', 'key-key-2') }),
  ),
  of('channel.key-rotated', fc.record({ name: channel, streamKey: fc.constantFrom('key-key-1', 'key-key-3') })),
  of(
    'channel.configured',
    fc.record({
      name: channel,
      revision: fc.option(fc.nat(3), { nil: undefined }),
      settings: fc.record(
        {
          preset: fc.constantFrom(null, '720p-3'),
          graceSec: fc.constantFrom(null, 0, 30),
          onLoss: fc.constantFrom(null, 'hold' as const),
          srtPassphrase: fc.constantFrom(null, 'a passphrase'),
          dvrSec: fc.constantFrom(null, 0, 60),
          archive: fc.constantFrom(null, true, false),
        },
        { requiredKeys: [] },
      ),
    }),
  ),
  of('channel.deleted', fc.record({ name: channel })),
  of('broadcast.started', fc.record({ broadcastId, channel, at })),
  of('broadcast.ended', fc.record({ broadcastId, at })),
  of(
    'broadcast.archived',
    fc.record({
      ...{ broadcastId, channel, videoId, incomplete: fc.boolean() },
      ...{ title: fc.constant('one'), durationSec: fc.nat(9), sizeBytes: fc.nat(9), key: fc.constant('live/a.json') },
    }),
  ),
  of('video.failed', fc.record({ videoId, reason: fc.constant('no') })),
  of('video.deleted', fc.record({ videoId })),
  of('video.poster', fc.record({ videoId, key: fc.constant('poster/x.jpg') })),
  of('video.updated', fc.record({ videoId, revision: fc.nat(3) })),
  {
    weight: 3,
    arbitrary: of(
      'video.created',
      fc.record({
        videoId,
        uploaderId: userId,
        title: fc.constant('t'),
        description: fc.constant(''),
        sizeBytes: fc.nat(9),
      }),
    ),
  },
  {
    weight: 3,
    arbitrary: of('video.uploaded', fc.record({ videoId, rawKey: fc.constant('raw/x'), sizeBytes: fc.nat(9) })),
  },
  {
    weight: 3,
    arbitrary: of(
      'video.planned',
      fc.record({ videoId, durationSec: fc.constant(3), source: fc.constant(SOURCE), jobs }),
    ),
  },
  { weight: 4, arbitrary: of('job.claimed', fc.record({ workerId: fc.constantFrom('w1', 'w2') })) },
  of('job.renewed', fc.record({ jobId, token })),
  of('job.expired', fc.record({ jobId, token, renewal: fc.nat(1) })),
  of('job.failed', fc.record({ jobId, token, reason: fc.constant('bad'), retry: fc.boolean() })),
  of('job.released', fc.record({ jobId, token, reason: fc.constant('stopping') })),
  of(
    'heartbeats.recorded',
    fc.record({
      minute: at,
      videos: fc.array(
        fc.record({
          videoId,
          views: fc.nat(3),
          beats: fc.nat(3),
          bufferEvents: fc.nat(3),
          watchers: fc.array(fc.record({ userId, progressSec: fc.nat(9) }), { maxLength: 2 }),
        }),
        { maxLength: 2 },
      ),
    }),
  ),
);

/** What a worker does with a lease that is really held; random tokens hardly ever hit one. */
const holder = fc.record({
  pick: fc.nat(9),
  act: fc.constantFrom('complete', 'fail', 'retry', 'release', 'renew', 'expire'),
});
const step = fc.oneof(
  { weight: 5, arbitrary: proposal.map((made) => ({ made })) },
  { weight: 2, arbitrary: holder.map((held) => ({ held })) },
);

test('whatever comes, apply never throws, statuses keep their promises, and a second replica agrees', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
      const on = new StoreOnDisk({ durable: false });
      const other = new StoreOnDisk({ durable: false });
      try {
        for (const one of steps) {
          if ('made' in one) on.propose(one.made.type, one.made.data as EntryData<typeof one.made.type>);
          else act(on, one.held.pick, one.held.act);
          assertInvariants(on);
        }
        for (const { entry } of on.store.ask('readLog', [0, 1_000])) other.commit(entry);
        expect(other.store.ask('tablesHash', [])).toBe(on.store.ask('tablesHash', []));
      } finally {
        on.close();
        other.close();
      }
    }),
    { numRuns: 60 },
  );
});

function act(on: StoreOnDisk, pick: number, what: string): void {
  const held = on.store.ask('processingJobs', []);
  const lease = held[pick % Math.max(1, held.length)];
  if (!lease) return;
  const { jobId: id, token: current, renewal } = lease;
  const job = on.store.ask('video', [lease.videoId])?.jobs.find((one) => one.jobId === id);
  if (!job) throw new Error('a lease is held on a job without a video');
  const under = { jobId: id, token: current };
  const acts: Record<string, () => { applied: boolean }> = {
    complete: () => on.propose('job.completed', { ...under, output: outputOf(id, current, job.rendition) }),
    renew: () => on.propose('job.renewed', under),
    expire: () => on.propose('job.expired', { ...under, renewal }),
    release: () => on.propose('job.released', { ...under, reason: 'stopping' }),
    fail: () => on.propose('job.failed', { ...under, reason: 'bad', retry: false }),
    retry: () => on.propose('job.failed', { ...under, reason: 'bad', retry: true }),
  };
  expect(acts[what]?.().applied).toBe(true);
}

function assertInvariants(on: StoreOnDisk): void {
  const open = on.store.ask('openBroadcasts', []);
  expect(new Set(open.map(({ channel: name }) => name)).size).toBe(open.length);
  const byChannel = (one: { channel: string }, two: { channel: string }) => one.channel.localeCompare(two.channel);
  expect([...on.store.ask('liveBroadcasts', [10])].sort(byChannel)).toEqual(open);
  for (const { id } of on.store.ask('videos', [{ limit: 10 }])) {
    const video = on.store.ask('video', [id]);
    if (video) assertVideo(video, on.store.ask('packaged', [id]));
  }
}

function assertVideo(video: VideoWithJobs, packaged: PackagedVideo | null): void {
  const outstanding = video.jobs.filter(({ status }) => status === 'queued' || status === 'processing').length;
  expect(video.status === 'ready').toBe(video.manifestUrl !== null);
  expect(video.status === 'ready').toBe(packaged !== null);
  expect(video.status === 'failed').toBe(video.failureReason !== null);
  if (video.status === 'uploading') expect(video.jobs).toEqual([]);
  if (video.status === 'failed') expect(outstanding).toBe(0);
  if (video.status === 'transcoding') expect(video.source === null || outstanding > 0).toBe(true);
  if (packaged) expect(packaged.complete).toBe(outstanding === 0);
  for (const job of video.jobs) {
    expect(job.attempt).toBeLessThanOrEqual(3);
    if (job.status === 'processing') expect(job.token).not.toBeNull();
    if (job.status === 'queued') expect(job.token).toBeNull();
  }
}
