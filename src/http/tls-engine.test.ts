import { httpEngineContract } from './http-engine.contract.js';
import { RawClient, tlsSocket } from './raw-client.fixture.js';
import { openOverTls } from './tls-bench.fixture.js';

httpEngineContract({
  engine: 'node-tls',
  open: openOverTls,
  connect: (port) => new RawClient(port, tlsSocket),
  scheme: 'https',
  latePipelining: 'answered',
  interim: 'sent',
  namelessHeader: 'refused',
  headDeadlineMs: 5000,
  patienceMs: 4000,
});
