/**
 * Which silicon does what in one live ffmpeg. Pure.
 *
 * - `software`: everything on the CPU
 * - `nvdec`: an NVIDIA GPU without encoders (data centre) decodes and scales, the CPU encodes
 * - `nvenc`: an NVIDIA GPU encodes; with `decodes` it decodes and scales too
 * - `qsv`, `vaapi`: an Intel or AMD GPU does all three; with `decodes` false pictures are uploaded to its encoder
 */
export type EncodePath =
  | { readonly kind: 'software' }
  | { readonly kind: 'nvdec'; readonly gpu: number }
  | { readonly kind: 'nvenc'; readonly gpu: number; readonly decodes: boolean }
  | { readonly kind: 'qsv' | 'vaapi'; readonly device: string; readonly decodes: boolean };

export const SOFTWARE: EncodePath = { kind: 'software' };

/** Whether decoded pictures begin in the GPU's memory. */
export function decodesOnDevice(path: EncodePath): boolean {
  return path.kind === 'nvdec' || (path.kind !== 'software' && path.decodes);
}

/** Whether the GPU encodes. */
export function encodesOnDevice(path: EncodePath): boolean {
  return path.kind !== 'software' && path.kind !== 'nvdec';
}
