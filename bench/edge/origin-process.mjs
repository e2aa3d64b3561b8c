import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startProcess, stopProcess } from './server-process.mjs';

/** The origin in its own process, and what it saw. */
export async function startOrigin(folder) {
  const program = fileURLToPath(new URL('origin.mjs', import.meta.url));
  const child = startProcess(process.execPath, [program], { folder, ipc: true });
  const firstBytes = new Map();
  const [{ port }] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => {
      throw new Error(`the origin did not start: see ${folder}/output.log`);
    }),
  ]);
  child.on('message', ({ firstByteOf, at }) => {
    if (firstByteOf !== undefined && !firstBytes.has(firstByteOf)) firstBytes.set(firstByteOf, at);
  });
  return {
    url: `http://127.0.0.1:${port}`,
    /** How many requests it has had. */
    async asked() {
      child.send('asked');
      for (;;) {
        const [message] = await once(child, 'message');
        if (message.asked !== undefined) return message.asked;
      }
    },
    /** When it sent the first byte of what it held back, ms of the monotonic clock. */
    firstByteOf: (path) => firstBytes.get(path) ?? Number.NaN,
    stop: () => stopProcess(child),
  };
}
