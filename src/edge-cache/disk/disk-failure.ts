import { Failure } from '../../telemetry/failure.js';

type DiskFailureCode = 'edge-cache.disk-in-use' | 'edge-cache.disk-unusable' | 'edge-cache.disk-full';

/** Full, or anything else that keeps it from being used. */
export function diskFailure(folder: string, reason: string, errno: string, cause?: unknown): Failure<DiskFailureCode> {
  const full = errno === 'ENOSPC' || errno === 'EDQUOT';
  const code = full ? 'edge-cache.disk-full' : 'edge-cache.disk-unusable';
  return new Failure(code, `the cache disk ${folder}: ${reason}`, { hint: hintOf(folder, errno, full), cause });
}

export function inUse(folder: string, pid: number): Failure<DiskFailureCode> {
  return new Failure('edge-cache.disk-in-use', `another edge (process ${pid}) keeps its cache in ${folder}`, {
    hint: 'Stop it first, or give this one a folder of its own with --cache-disk DIR:SIZE (edge.disks).',
  });
}

function hintOf(folder: string, errno: string, full: boolean): string {
  if (full)
    return `Free space there (df -h ${folder}), or give it a smaller size in edge.disks. It is tried again by itself.`;
  if (errno === 'EACCES' || errno === 'EPERM')
    return `Give this user the right to write there: chown or chmod ${folder}. It is tried again by itself.`;
  if (errno === 'EROFS')
    return `It is mounted read-only, often after a fault: see dmesg, then mount it again. It is tried again by itself.`;
  return `See that ${folder} is there and its disk is sound (dmesg, smartctl). It is tried again by itself.`;
}
