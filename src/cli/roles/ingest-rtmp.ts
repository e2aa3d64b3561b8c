import { openCertificateFiles } from '../../http/certificate-files.js';
import type { Publishing } from '../../ingest/publish.js';
import type { Certificates } from '../../ingest/rtmp/certificates.js';
import { openRtmpServer } from '../../ingest/rtmp/server.js';
import { Failure } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { formatAddress, parseAddress } from '../address.js';
import type { Settings } from '../config-schema.js';

/** Where encoders push over RTMP, and over RTMPS where that is on. */
export interface RtmpIngest {
  readonly rtmp: string;
  readonly rtmps: string | undefined;
  close(graceMs: number): Promise<void>;
}

interface RtmpIngestOptions {
  readonly settings: Settings;
  readonly publishing: Publishing;
  /** The box's own, for RTMPS without files of its own; null: the box has none. */
  readonly certificates: Certificates | null;
  readonly log: Log;
  readonly metrics: Metrics;
}

export async function openRtmpIngest(options: RtmpIngestOptions): Promise<RtmpIngest> {
  const { settings, publishing, log, metrics } = options;
  const { connectionsMax, idleTimeoutSec, listen } = settings.rtmp;
  const limits = { connectionsMax, idleMs: idleTimeoutSec * 1000 };
  const own = openOwnFiles(options);
  try {
    const secure = secureDoor(settings, own ?? options.certificates);
    const server = await openRtmpServer({ ...parseAddress(listen), ...secure, publishing, log, metrics, limits });
    const { address, secureAddress } = server;
    return {
      rtmp: formatAddress(address),
      rtmps: secureAddress === null ? undefined : formatAddress(secureAddress),
      async close(graceMs) {
        await server.close(graceMs);
        own?.close();
      },
    };
  } catch (error) {
    own?.close();
    throw error;
  }
}

/** Null where RTMPS is off, or takes the box's own certificate. */
function openOwnFiles({ settings, log }: RtmpIngestOptions): ReturnType<typeof openCertificateFiles> | null {
  const { listen, certFile, keyFile } = settings.rtmps;
  if (listen === null || (certFile === null && keyFile === null)) return null;
  if (certFile === null || keyFile === null) throw noCertificate('rtmps.certFile and rtmps.keyFile belong together');
  return openCertificateFiles({ certFile, keyFile, log });
}

function secureDoor({ rtmps: { listen } }: Settings, certificates: Certificates | null) {
  if (listen === null) return {};
  if (certificates === null) throw noCertificate('RTMPS needs a certificate and its key');
  return { secure: { ...parseAddress(listen), certificates } };
}

function noCertificate(message: string): Failure {
  return new Failure('cli.bad-setting', message, {
    hint:
      'Give --tls-cert FILE and --tls-key FILE (PEM), which HTTPS takes too, or rtmps.certFile and rtmps.keyFile for RTMPS ' +
      'alone.',
  });
}
