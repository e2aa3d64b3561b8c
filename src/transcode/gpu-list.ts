/** Which GPUs this box has: those that `nvidia-smi` names, and every render node of the kernel. Finding one promises nothing. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { release } from 'node:os';
import { basename } from 'node:path';
import type { Log } from '../telemetry/log.js';
import { runTool } from './ffmpeg-process.js';
import type { Gpu } from './hardware-report.js';

const TIMEOUT_MS = 10_000;
const GPUS_MAX = 32;
const FIELDS = ['index', 'uuid', 'name', 'driver_version', 'pci.bus_id'];

export async function listGpus(log: Log): Promise<Gpu[]> {
  const [nvidia, nodes] = await Promise.all([listNvidia(log), listRenderNodes()]);
  return joinGpus(nvidia, nodes).slice(0, GPUS_MAX);
}

/** A card as `nvidia-smi` names it; `pci` in the kernel's form (`0000:01:00.0`). */
export interface NvidiaCard {
  readonly index: number;
  readonly uuid: string;
  readonly name: string;
  readonly driver: string;
  readonly pci: string;
}

export interface RenderNode {
  readonly path: string;
  /** As in sysfs: `0x8086`. */
  readonly vendor: string;
  readonly pci: string;
  /** The kernel's release: its drivers come with it. */
  readonly kernel: string;
}

async function listNvidia(log: Log): Promise<NvidiaCard[]> {
  const args = [`--query-gpu=${FIELDS.join(',')}`, '--format=csv,noheader,nounits'];
  const outcome = await runTool('nvidia-smi', args, { log, timeoutMs: TIMEOUT_MS });
  return outcome.ok ? parseNvidiaList(outcome.stdout.toString()) : [];
}

/** Lines that are no card's are left out. */
export function parseNvidiaList(csv: string): NvidiaCard[] {
  return csv.split('\n').flatMap((line) => {
    const [index = '', uuid = '', name = '', driver = '', bus = ''] = line.split(',').map((field) => field.trim());
    if (!/^\d+$/.test(index) || !uuid.startsWith('GPU-')) return [];
    // nvidia-smi writes the domain with eight digits, the kernel with four.
    const pci = bus.toLowerCase().replace(/^[0-9a-f]{4}(?=[0-9a-f]{4}:)/, '');
    return [{ index: Number(index), uuid, name, driver, pci }];
  });
}

async function listRenderNodes(): Promise<RenderNode[]> {
  const names = await readdir('/dev/dri').catch((): string[] => []);
  const nodes = names.filter((name) => /^renderD\d+$/.test(name)).sort();
  return Promise.all(nodes.slice(0, GPUS_MAX).map(describeNode));
}

async function describeNode(name: string): Promise<RenderNode> {
  const device = `/sys/class/drm/${name}/device`;
  const vendor = await readFile(`${device}/vendor`, 'latin1').catch(() => '');
  const pci = await readlink(device).catch(() => name);
  return { path: `/dev/dri/${name}`, vendor: vendor.trim(), pci: basename(pci), kernel: release() };
}

const VENDORS: Readonly<Record<string, Exclude<Gpu['vendor'], 'other'>>> = {
  '0x10de': 'nvidia',
  '0x8086': 'intel',
  '0x1002': 'amd',
};
const NAMES = { nvidia: 'NVIDIA', intel: 'Intel', amd: 'AMD', other: 'GPU' } as const;

/** A card that both sides know is one GPU. NVIDIA's nodes without a card are left out: nothing here drives them. */
export function joinGpus(cards: readonly NvidiaCard[], nodes: readonly RenderNode[]): Gpu[] {
  const nvidia = cards.map((card): Gpu => {
    const renderNode = nodes.find(({ pci }) => pci === card.pci)?.path ?? null;
    const { uuid: id, name, driver, index: cudaIndex } = card;
    return { id, vendor: 'nvidia', name, driver, cudaIndex, renderNode };
  });
  const others = nodes.flatMap(({ path, vendor: code, pci, kernel }): Gpu[] => {
    const vendor = VENDORS[code] ?? 'other';
    if (vendor === 'nvidia') return [];
    return [{ id: pci, vendor, name: `${NAMES[vendor]} at ${pci}`, driver: kernel, cudaIndex: null, renderNode: path }];
  });
  return [...nvidia, ...others];
}
