import { afterEach, expect, it } from 'vitest';
import { DEFAULT_CHANNEL_SETTINGS } from '../media/channel-settings.js';
import type { PublishingOptions, PublishRequest } from './publish.js';
import { type BenchOptions, PublishingBench } from './publishing.fixture.js';

let bench: PublishingBench | undefined;
afterEach(() => bench?.close());

const request = (streamKey: string): PublishRequest => ({
  ...{ streamKey, channel: null, backup: true, protocol: 'srt', remoteAddress: '192.0.2.7' },
  onStop: () => {},
});

async function admit(streamKey: string, options: BenchOptions) {
  bench = await PublishingBench.open(options);
  return bench.publishing.admit(request(streamKey));
}

it('asks once the key is good, and lets in who is approved', async () => {
  const asked: Parameters<NonNullable<PublishingOptions['approve']>>[] = [];
  const admission = await admit('key-a', {
    approve: async (...question) => {
      asked.push(question);
      return { ok: true };
    },
  });
  expect(admission.ok).toBe(true);
  expect(asked).toEqual([[expect.objectContaining({ protocol: 'srt', backup: true }), 'a']]);
});

it('refuses who is not approved, with the words that were given', async () => {
  const admission = await admit('key-a', { approve: async () => ({ ok: false, message: 'not paid' }) });
  expect(admission).toEqual({ ok: false, reason: 'denied', message: 'not paid' });
  expect(await bench?.metrics.text()).toContain('headwater_ingest_publishers_refused_total{reason="denied"} 1');
});

it('does not ask about a key that is not valid', async () => {
  let asked = 0;
  const approve = async () => {
    asked++;
    return { ok: true } as const;
  };
  expect(await admit('nonsense', { approve })).toMatchObject({ ok: false, reason: 'bad-key' });
  expect(asked).toBe(0);
});

it('refuses a key that was changed while the answer was awaited', async () => {
  let good = true;
  const admission = await admit('key-a', {
    authorize: { channelForKey: async () => (good ? { channel: 'a', settings: DEFAULT_CHANNEL_SETTINGS } : null) },
    approve: async () => {
      good = false;
      return { ok: true };
    },
  });
  expect(admission).toMatchObject({ ok: false, reason: 'bad-key' });
});

it('waits no longer than for the key itself', async () => {
  const admission = await admit('key-a', { approve: () => new Promise(() => {}), limits: { authorizationMs: 100 } });
  expect(admission).toMatchObject({ ok: false, reason: 'unavailable' });
});
