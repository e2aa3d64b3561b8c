import { fileURLToPath } from 'node:url';
import type { Catalog } from '../metadata/catalog.js';
import { openDiskStore } from '../storage/disk-store.js';
import { packageFolder } from '../telemetry/package-files.js';
import type { Opening } from './opening.js';
import { openApiRole } from './roles/api.js';
import { openHooks } from './roles/hooks.js';
import { openIngest } from './roles/ingest.js';
import type { IngestChildren } from './roles/ingest-children.js';
import { operatorId } from './roles/metadata.js';
import { openOriginRole } from './roles/origin.js';
import { openRestream } from './roles/restream.js';
import { openTranscode } from './roles/transcode.js';

/** What the roles behind the edge are reached by. */
export interface InnerRoles {
  readonly rtmp: string;
  /** Undefined where RTMPS is off. */
  readonly rtmps: string | undefined;
  /** Undefined where SRT does not run. */
  readonly srt: string | undefined;
  /** Undefined where WebRTC does not run. */
  readonly webrtc: string | undefined;
  readonly originUrl: string;
  readonly apiUrl: string;
  readonly signInCode: string;
}

const webDir = fileURLToPath(new URL('dist/web', packageFolder));
const graceMs = 3000;

/** The four roles that share the embedded parts, opened in the order of the flow from the catalog outwards. */
export async function openInnerRoles(
  opening: Opening,
  { catalog, children }: { readonly catalog: Catalog; readonly children: IngestChildren },
): Promise<InnerRoles> {
  const { settings, data, log, metrics, status, closers } = opening;
  const objects = await openDiskStore({ root: data.folder('objects'), log });
  const shared = { settings, catalog, objects, log, metrics };

  const hooks = await openHooks({ settings, data, log, metrics });
  closers.push(() => hooks.close(1000));
  const folders = { spoolDir: data.folder('spool'), scratchDir: data.folder('scratch'), webDir };
  const origin = await openOriginRole({ ...shared, ...folders, onArchived: hooks.archived });
  closers.push(() => origin.close(graceMs));
  const transcode = await openTranscode({ ...shared, folder: data.path, fragments: origin.fragments });
  closers.push(() => transcode.close(graceMs));
  const restream = openRestream({ ...shared, sink: transcode.live, folder: data.path });
  closers.push(() => restream.close(graceMs));
  const ingest = await openIngest({
    ...shared,
    hooks,
    children,
    viewers: origin,
    sink: restream.sink,
    certificates: opening.certificates,
  });
  closers.push(() => ingest.close(1000));
  if (ingest.srtUnable !== null) status.notRunning.push({ part: 'SRT', reason: ingest.srtUnable });
  if (ingest.srtUnfiltered !== null)
    status.notRunning.push({ part: "SRT's packet filter", reason: ingest.srtUnfiltered });
  status.fill({ catalog, publishing: ingest.publishing, live: transcode.live, restream });
  const api = await openApiRole({ ...shared, data, origin, ingest, restream, board: transcode.board, status });
  closers.push(() => api.close(graceMs));
  const { rtmp, rtmps, srt, webrtc } = ingest;
  return { rtmp, rtmps, srt, webrtc, originUrl: origin.url, apiUrl: api.url, signInCode: api.signInCode(operatorId) };
}
