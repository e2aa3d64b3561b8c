/**
 * From the decoded picture to each rung's encoder: `fps` on the grid, deinterlacing, turning, and scaling down step by step
 * (each rung from the one above it), in the CPU's memory or in a GPU's. Pure.
 */
import type { VideoRendition } from '../media/rendition.js';
import type { VideoFacts } from '../media/source-facts.js';
import { decodesOnDevice, type EncodePath, encodesOnDevice } from './encode-path.js';

export interface GraphStart {
  /** Where the first picture stands, seconds with nine digits. */
  readonly seconds: string;
  /** The same in whole pictures. */
  readonly slot: number;
  /** Pictures per second, as a ratio. */
  readonly rate: string;
}

export interface GraphOptions {
  readonly facts: VideoFacts;
  /** Highest first. */
  readonly rungs: readonly VideoRendition[];
  /** Null: pictures keep the times that the source gave them. */
  readonly start: GraphStart | null;
  readonly path: EncodePath;
}

/** Whether this path can keep this source's pictures in the GPU's memory: nothing there turns them or puts bars around them. */
export function staysOnDevice(path: EncodePath, facts: VideoFacts, top: VideoRendition | undefined): boolean {
  return decodesOnDevice(path) && facts.rotation === 0 && (top === undefined || isSameShape(facts, top));
}

/** The `-filter_complex` whose outputs are `[out0]`, `[out1]`, … */
export function videoGraph({ facts, rungs, start, path }: GraphOptions): string[] {
  const [top] = rungs;
  if (top === undefined) return [];
  const device = staysOnDevice(path, facts, top) ? DEVICE[path.kind] : null;
  const grid = start === null ? [] : onGrid(start);
  const head =
    device === null
      ? [
          ...(facts.interlaced ? [DEINTERLACE] : []),
          ...grid,
          ...TURNS[facts.rotation],
          'format=yuv420p',
          ...fitInto(facts, top),
        ]
      : [...(facts.interlaced ? [device.deinterlace] : []), ...grid, device.scale(top, path), 'setsar=1'];
  const step = (rung: VideoRendition) => device?.scale(rung, path) ?? `scale=${rung.width}:${rung.height}`;
  const tail = device?.leave ?? (encodesOnDevice(path) ? UPLOAD[path.kind] : '');
  return [
    '-filter_complex',
    rungs
      .map((rung, index) => {
        const filters = index === 0 ? head : [step(rung), 'setsar=1'];
        const into = index === 0 ? '[0:v:0]' : `[below${index - 1}]`;
        const out = tail === '' ? `[out${index}]` : `[made${index}]`;
        const last = index === rungs.length - 1;
        const split = `${into}${filters.join(',')}${last ? out : `,split${out}[below${index}]`}`;
        return tail === '' ? split : `${split};${out}${tail}[out${index}]`;
      })
      .join(';'),
  ];
}

/**
 * Puts each picture on its slot, the first one on the slot that the run begins with; what stands before that, and all but
 * the first that fall on one slot, are left out. Slots without a picture are filled by the output (`-fps_mode cfr`). The `fps`
 * filter does all that too, but holds each picture back until the next one has come.
 */
function onGrid({ rate, seconds, slot: first }: GraphStart): string[] {
  const slot = (time: string) => `round(${time}*${rate})`;
  const isNext = `if(isnan(prev_selected_t),gte(${slot('t')},${first}),gt(${slot('t')},${slot('prev_selected_t')}))`;
  const place = `if(eq(N,0),${seconds},${slot('T')}/(${rate}))/TB`;
  return ['settb=1/90000', `select='${isNext}'`, `setpts='${place}'`];
}

const DEINTERLACE = 'bwdif=mode=send_frame:deint=interlaced';

interface DeviceFilters {
  readonly deinterlace: string;
  readonly scale: (rung: VideoRendition, path: EncodePath) => string;
  /** Back into the CPU's memory, where that is where the encoder is. */
  readonly leave: string;
}

const cuda: Pick<DeviceFilters, 'deinterlace'> = { deinterlace: 'yadif_cuda=mode=send_frame:deint=interlaced' };

const DEVICE: Readonly<Record<EncodePath['kind'], DeviceFilters | null>> = {
  software: null,
  nvdec: {
    ...cuda,
    scale: ({ width, height }) => `scale_cuda=${width}:${height}:format=yuv420p`,
    leave: 'hwdownload,format=yuv420p',
  },
  nvenc: { ...cuda, scale: ({ width, height }) => `scale_cuda=${width}:${height}:format=yuv420p`, leave: '' },
  qsv: {
    deinterlace: 'vpp_qsv=deinterlace=advanced',
    scale: ({ width, height }) => `vpp_qsv=w=${width}:h=${height}:format=nv12`,
    leave: '',
  },
  vaapi: {
    deinterlace: 'deinterlace_vaapi=rate=frame:auto=1',
    scale: ({ width, height }) => `scale_vaapi=w=${width}:h=${height}:format=nv12`,
    leave: '',
  },
};

/** What brings a picture from the CPU's memory to the encoder; NVENC takes it from there by itself. */
const UPLOAD: Readonly<Record<EncodePath['kind'], string>> = {
  software: '',
  nvdec: '',
  nvenc: '',
  qsv: 'format=nv12,hwupload=extra_hw_frames=64',
  vaapi: 'format=nv12,hwupload',
};

const TURNS = {
  0: [],
  90: ['transpose=clock'],
  180: ['hflip', 'vflip'],
  270: ['transpose=cclock'],
} as const;

/** Shapes differing by less than this are rounding to even sides. */
const SAME_SHAPE = 0.02;

/** The displayed picture's shape over the rung's. */
function shapeRatio(facts: VideoFacts, rung: VideoRendition): number {
  const shown = (facts.width * (facts.sampleAspectRatio || 1)) / facts.height;
  const shape = facts.rotation % 180 === 0 ? shown : 1 / shown;
  return (shape * rung.height) / rung.width;
}

const isSameShape = (facts: VideoFacts, rung: VideoRendition) => Math.abs(shapeRatio(facts, rung) - 1) < SAME_SHAPE;

/** Scales to the rung; a later feed of another shape than the ladder's is fitted in with bars rather than stretched. */
function fitInto(facts: VideoFacts, rung: VideoRendition): string[] {
  const size = `${rung.width}:${rung.height}`;
  if (isSameShape(facts, rung)) return [`scale=${size}`, 'setsar=1'];
  const ratio = shapeRatio(facts, rung);
  const even = (side: number) => Math.max(2, 2 * Math.round(side / 2));
  const inner = ratio > 1 ? `${rung.width}:${even(rung.height / ratio)}` : `${even(rung.width * ratio)}:${rung.height}`;
  return [`scale=${inner}`, `pad=${size}:-1:-1`, 'setsar=1'];
}
