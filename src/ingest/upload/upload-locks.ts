import type { Lock, Locker } from '@tus/server';
import { UploadRefusal } from './upload-problem.js';

/** How long a request waits for the one before it to let go, and how many may wait for one upload. */
const TAKE_OVER_MS = 5000;
const WAITERS_MAX = 8;

interface Held {
  readonly requestRelease: () => void;
  readonly released: Promise<void>;
  readonly release: () => void;
  /** No request holds it: it is free again in a moment, and worth waiting for. */
  readonly housekeeping: boolean;
  waiters: number;
}

const busy = () =>
  new UploadRefusal({
    status: 423,
    code: 'upload-busy',
    title: 'The upload is busy',
    detail: 'Another request is writing to this upload.',
    hint: 'Send one PATCH at a time; ask for the offset with HEAD before going on.',
    headers: { 'Retry-After': '1' },
  });

/**
 * One request at a time for each upload. A second writer is refused at once (housekeeping it waits for); a HEAD or DELETE takes over, because a client
 * that lost its connection asks for the offset while the old request may hang on a dead socket for minutes.
 */
export class UploadLocks {
  readonly #held = new Map<string, Held>();

  /** The locker that tus gets for a request of this method. */
  lockerFor(method: string): Locker {
    return { newLock: (id) => this.#lock(id, method === 'HEAD' || method === 'DELETE') };
  }

  /** For housekeeping: runs `work` if nobody holds the upload, else skips it. */
  async ifFree(id: string, work: () => Promise<void>): Promise<void> {
    if (this.#held.has(id)) return;
    this.#hold(id, { requestRelease: () => {}, housekeeping: true });
    try {
      await work();
    } finally {
      this.#release(id);
    }
  }

  /** Asks whoever holds the upload to make way, then runs `work`. Throws an UploadRefusal when nobody makes way in time. */
  async takingOver(id: string, work: () => Promise<void>): Promise<void> {
    const lock = this.#lock(id, true);
    await lock.lock(new AbortController().signal, () => {});
    try {
      await work();
    } finally {
      await lock.unlock();
    }
  }

  #lock(id: string, takesOver: boolean): Lock {
    return {
      lock: async (signal, requestRelease) => {
        for (let held = this.#held.get(id); held !== undefined; held = this.#held.get(id)) {
          const mayWait = takesOver || held.housekeeping;
          if (!mayWait || held.waiters >= WAITERS_MAX) throw busy();
          await waitFor(held, signal);
        }
        this.#hold(id, { requestRelease: () => void requestRelease(), housekeeping: false });
      },
      unlock: async () => this.#release(id),
    };
  }

  #hold(id: string, holder: Pick<Held, 'requestRelease' | 'housekeeping'>): void {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#held.set(id, { ...holder, released, release, waiters: 0 });
  }

  #release(id: string): void {
    const held = this.#held.get(id);
    this.#held.delete(id);
    held?.release();
  }
}

async function waitFor(held: Held, signal: AbortSignal): Promise<void> {
  held.waiters += 1;
  held.requestRelease();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, TAKE_OVER_MS, 'late');
    signal.addEventListener('abort', () => resolve('late'), { once: true });
  });
  const outcome = await Promise.race([held.released, late]);
  clearTimeout(timer);
  held.waiters -= 1;
  if (outcome === 'late') throw busy();
}
