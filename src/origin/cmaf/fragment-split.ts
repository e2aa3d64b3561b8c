import type { Fragment } from './fragment.js';

/** The fragment's samples `[from, to)` as a fragment of their own, without boxes: the sound of a fragment that a line cuts. */
export function sliceFragment(fragment: Fragment, from: number, to: number): Fragment {
  if (from === 0 && to === fragment.samples.length) return fragment;
  const sum = (end: number, of: 'size' | 'duration') =>
    fragment.samples.slice(0, end).reduce((total, sample) => total + sample[of], 0);
  const samples = fragment.samples.slice(from, to);
  const skipped = sum(from, 'duration');
  const decodeTime = fragment.decodeTime + skipped;
  return {
    decodeTime,
    duration: sum(to, 'duration') - skipped,
    presentationTime: decodeTime + (samples[0]?.compositionOffset ?? 0),
    key: fragment.key,
    samples,
    boxes: null,
    data: fragment.data.subarray(sum(from, 'size'), sum(to, 'size')),
  };
}
