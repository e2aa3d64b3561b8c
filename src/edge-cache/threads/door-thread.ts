import { runDoor } from '../../http/threads/run-door.js';

await runDoor(() => ({ serve: (relay) => relay, told: () => {} }));
