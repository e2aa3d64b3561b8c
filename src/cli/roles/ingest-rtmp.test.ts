import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PublishingBench } from '../../ingest/publishing.fixture.js';
import { silentLog } from '../../telemetry/log.js';
import { Metrics } from '../../telemetry/metrics.js';
import { parseAddress } from '../address.js';
import { settingsSchema } from '../config-schema.js';
import { openRtmpIngest } from './ingest-rtmp.js';

let bench: PublishingBench;
let folder: string;
let pem: { certFile: string; keyFile: string };

beforeAll(async () => {
  bench = await PublishingBench.open();
  folder = await mkdtemp(join(tmpdir(), 'headwater-rtmps-role-'));
  pem = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') };
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'];
  const files = ['-keyout', pem.keyFile, '-out', pem.certFile];
  await promisify(execFile)('openssl', ['req', '-x509', ...kind, '-subj', '/CN=tv.example', ...files]);
});

afterAll(async () => {
  await bench.close();
  await rm(folder, { recursive: true, force: true });
});

function open(rtmps: object) {
  const settings = settingsSchema.parse({ rtmp: { listen: '127.0.0.1:0' }, rtmps });
  return openRtmpIngest({
    settings,
    publishing: bench.publishing,
    certificates: null,
    log: silentLog,
    metrics: new Metrics(),
  });
}

it('serves RTMPS with files of its own', async () => {
  const role = await open({ listen: '127.0.0.1:0', ...pem });
  const socket = connect({ ...parseAddress(role.rtmps ?? ''), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  expect(socket.getPeerCertificate().subject.CN).toBe('tv.example');
  socket.destroy();
  await role.close(100);
});

it('serves no RTMPS by default', async () => {
  const role = await open({});
  expect(role.rtmps).toBeUndefined();
  await role.close(100);
});

it('says what is missing for RTMPS', async () => {
  const missing = { code: 'cli.bad-setting', hint: expect.stringContaining('--tls-cert FILE') };
  await expect(open({ listen: '127.0.0.1:0' })).rejects.toMatchObject(missing);
  await expect(open({ listen: '127.0.0.1:0', certFile: pem.certFile })).rejects.toMatchObject(missing);
});
