import { readAdts } from '../../src/ingest/adts.js';
import { lengthPrefixed, splitAnnexB } from '../../src/ingest/annex-b.js';
import { opusPacketSamples } from '../../src/ingest/opus-config.js';
import { ParameterSets } from '../../src/ingest/parameter-sets.js';
import { readTrackFacts } from '../../src/ingest/source-facts.js';
import { readVp9KeyFrame } from '../../src/ingest/vp9-config.js';
import type { DecoderConfig } from '../../src/media/frame.js';
import type { FuzzTarget } from './fuzz-run.js';
import { mutate } from './mutate.js';
import type { Recordings } from './recordings.js';

/** The readers of codecs' own headers. */
export function codecTargets({ video, audio, annexB, adts }: Recordings): FuzzTarget[] {
  const clips = [...Object.values(video), ...Object.values(audio)];
  const configs = clips.map(({ config }) => config);
  const others = configs.map(({ data }) => data);
  const decoderConfig: FuzzTarget = {
    name: 'decoder configs',
    share: 30,
    attempt(random) {
      const config = random.pick(configs);
      const codec = random.once(10) ? random.pick(configs).codec : config.codec;
      return mustBeBelievable({ ...config, codec, data: mutate(random, config.data, { others }) });
    },
  };
  const parameterSets: FuzzTarget = {
    name: 'annex B',
    share: 8,
    attempt(random) {
      const codec = random.pick(['h264', 'hevc'] as const);
      const stream = mutate(random, annexB[codec].subarray(0, 6000), { others: Object.values(annexB), changesMax: 12 });
      return takeAccessUnits(codec, splitAnnexB(stream), 1 + random.below(6));
    },
  };
  const sound: FuzzTarget = {
    name: 'ADTS, Opus and VP9 frames',
    share: 8,
    attempt(random) {
      opusPacketSamples(mutate(random, random.pick(audio.opus.frames).data));
      readVp9KeyFrame(mutate(random, random.pick(video.vp9.frames).data.subarray(0, 40)));
      const run = readAdts(mutate(random, adts, { changesMax: 12 }));
      if (run !== null && run.rest.length > 8191) throw new Error(`ADTS keeps ${run.rest.length} bytes`);
      return run !== null && run.frames.length > 0;
    },
  };
  return [decoderConfig, parameterSets, sound];
}

/** True where the config was taken; what it says must then be something that a ladder can be made of. */
export function mustBeBelievable(config: DecoderConfig): boolean {
  const verdict = readTrackFacts(config);
  if (!verdict.ok) {
    if (!/[a-z]/.test(verdict.message)) throw new Error('refused without a word');
    return false;
  }
  const numbers =
    verdict.facts.track === 'video'
      ? [verdict.facts.facts.width, verdict.facts.facts.height, verdict.facts.facts.sampleAspectRatio]
      : [verdict.facts.facts.sampleRate, verdict.facts.facts.channels];
  if (!numbers.every((number) => Number.isFinite(number) && number > 0 && number <= 192_000)) {
    throw new Error(`unbelievable facts: ${JSON.stringify(verdict.facts.facts)}`);
  }
  return true;
}

function takeAccessUnits(codec: 'h264' | 'hevc', nals: readonly Buffer[], each: number): boolean {
  const sets = new ParameterSets(codec);
  let taken = false;
  for (let at = 0; at < nals.length; at += each) {
    const { config, picture } = sets.take(nals.slice(at, at + each));
    if (config !== null) taken = mustBeBelievable(config) || taken;
    lengthPrefixed(picture);
  }
  return taken;
}
