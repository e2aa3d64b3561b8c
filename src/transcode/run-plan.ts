/** How one run of a live broadcast is made. Pure data. */
import type { Rendition } from '../media/rendition.js';
import type { EncodePath } from './encode-path.js';
import type { PartLength } from './part-length.js';

export interface RunPlan {
  readonly renditions: readonly Rendition[];
  /** The source's own: the first picture, the sound. */
  readonly passes: { readonly video: boolean; readonly audio: boolean };
  readonly path: EncodePath;
  readonly cut: 'grid' | 'keys';
  readonly segmentSec: number;
  /** 0 with `grid`. */
  readonly keyIntervalSec: number;
  readonly part: PartLength;
}

/** What of it is the source's own, and what is encoded; both in the plan's order. */
export function dividedPlan({ renditions, passes }: RunPlan): { passed: Rendition[]; encoded: Rendition[] } {
  const isPassed = ({ kind }: Rendition, index: number) =>
    kind === 'audio' ? passes.audio : passes.video && index === 0;
  return { passed: renditions.filter(isPassed), encoded: renditions.filter((each, index) => !isPassed(each, index)) };
}

/** For status and logs: who makes the pictures. */
export function describePlan(plan: RunPlan): string {
  if (dividedPlan(plan).encoded.length === 0) return 'passthrough';
  const { path } = plan;
  if (path.kind === 'software') return 'cpu';
  const where = 'gpu' in path ? `GPU ${path.gpu}` : path.device;
  return `${path.kind} on ${where}`;
}
