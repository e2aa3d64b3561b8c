import { httpEngineContract } from './http-engine.contract.js';
import { Http2Client } from './http2-client.fixture.js';
import { openOverTls } from './tls-bench.fixture.js';

httpEngineContract({
  engine: 'node-tls',
  protocol: 'h2',
  open: openOverTls,
  connect: (port) => new Http2Client(port),
  scheme: 'https',
  latePipelining: 'answered',
  interim: 'sent',
  namelessHeader: 'refused',
  headDeadlineMs: 5000,
  patienceMs: 4000,
});
