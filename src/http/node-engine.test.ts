import { httpEngineContract } from './http-engine.contract.js';
import { openNodeServer } from './node-engine.js';

httpEngineContract({
  engine: 'node',
  open: openNodeServer,
  latePipelining: 'answered',
  interim: 'sent',
  namelessHeader: 'refused',
  headDeadlineMs: 5000,
});
