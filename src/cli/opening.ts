import type { CertificateFiles } from '../http/certificate-files.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { BoxStatusReport } from './box-status.js';
import type { Settings } from './config-schema.js';
import type { DataFolder } from './data-folder.js';

/** What the roles of one box are opened with. */
export interface Opening {
  readonly settings: Settings;
  readonly data: DataFolder;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly status: BoxStatusReport;
  /** For every door that speaks TLS; null where the settings name none. */
  readonly certificates: CertificateFiles | null;
  /** What to close, in the order of opening. */
  readonly closers: (() => Promise<void> | void)[];
}
