/** The renditions that a preset gives a source: never larger than the source, never more than the box can. Pure. */
import type { AudioRendition, LadderCodec, VideoRendition } from '../media/rendition.js';
import type { SourceFacts } from '../media/source-facts.js';
import {
  affordableRungs,
  audioRendition,
  type EncodeBudget,
  type Ladder,
  OWN_RUNG_RATIO,
  RungShapes,
} from './ladder.js';
import type { EncodedRung, Preset, PresetAudio } from './presets.js';

export interface PresetLadder extends Ladder {
  /** The first picture is the source's own. */
  readonly passesTop: boolean;
  /** Codecs that the preset asks for and this box does not make well. */
  readonly leftOut: readonly LadderCodec[];
}

export interface PresetLadderOptions {
  readonly budget: EncodeBudget;
  /** The source's picture may be passed through. */
  readonly canPass: boolean;
  /** Besides H.264. */
  readonly codecs: ReadonlySet<LadderCodec>;
}

export function presetLadder(facts: SourceFacts, preset: Preset, options: PresetLadderOptions): PresetLadder {
  const audio = facts.audio === null ? null : presetAudio(facts, preset.audio);
  const shapes = facts.video === null ? null : RungShapes.of(facts.video);
  if (shapes === null) return { video: [], audio, passesTop: false, leftOut: [] };
  if (preset.video === 'auto') {
    return { video: affordableRungs(facts, shapes.automatic(), options.budget), audio, passesTop: false, leftOut: [] };
  }
  const wantsTop = preset.video[0]?.passthrough === true;
  const encoded = preset.video.filter((rung): rung is EncodedRung => rung.passthrough !== true);
  const known = encoded.filter(({ codec }) => codec === undefined || codec === 'h264' || options.codecs.has(codec));
  const leftOut = [...new Set(encoded.filter((rung) => !known.includes(rung)).flatMap(({ codec }) => codec ?? []))];
  const own = wantsTop ? [shapes.own()] : [];
  const rungs = fitted(known, shapes, own[0] ?? null);
  if (wantsTop && options.canPass) {
    const below = affordableRungs(facts, rungs, options.budget, { mayBeNone: true });
    return { video: [...own, ...below], audio, passesTop: true, leftOut };
  }
  const all = [...own, ...rungs];
  return { video: affordableRungs(facts, all, options.budget), audio, passesTop: false, leftOut };
}

/**
 * Rungs above the source are brought down to it, and go where another one is nearly as large. With the source's own picture
 * at the top, only clearly smaller ones are worth their encode.
 */
function fitted(rungs: readonly EncodedRung[], shapes: RungShapes, top: VideoRendition | null): VideoRendition[] {
  const made: VideoRendition[] = [];
  const highestFirst = rungs.toSorted((a, b) => b.height - a.height);
  for (const [index, { height, bitrate, codec = 'h264' }] of highestFirst.entries()) {
    const own = Math.min(height, shapes.side);
    const nextBelow = highestFirst.slice(index + 1).find((other) => (other.codec ?? 'h264') === codec);
    const near = (side: number) => own < side * OWN_RUNG_RATIO;
    if (height > shapes.side && nextBelow !== undefined && near(nextBelow.height)) continue;
    if (top !== null && shapes.side < own * OWN_RUNG_RATIO) continue;
    const rung = shapes.rung(own, { bitrate: height > shapes.side ? undefined : bitrate, codec });
    if (!made.some((other) => other.id === rung.id)) made.push(rung);
  }
  return made;
}

function presetAudio(facts: SourceFacts, audio: PresetAudio | false): AudioRendition | null {
  if (audio === false || facts.audio === null) return null;
  const rendition = audioRendition(facts.audio);
  return { ...rendition, bitrate: rendition.channels === 1 ? Math.round((audio.bitrate * 5) / 8) : audio.bitrate };
}
