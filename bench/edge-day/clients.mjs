// The clients of a day: requests by the clock, each answer looked at.
import { Agent, request } from 'node:http';
import { sleep } from '../box-under-test.mjs';

const inFlightMax = 128;
const tickMs = 20;
/** What is under way at the end has so many ticks: 10 s. */
const waitsMax = 500;

export class DayClients {
  answered = 0;
  hits = 0;
  left = 0;
  /** Came when the clients had their hands full. */
  late = 0;
  errors = new Map();
  #inFlight = 0;
  #base;
  #agent = new Agent({ keepAlive: true, maxSockets: inFlightMax });

  constructor(base) {
    this.#base = base;
  }

  /** As many a second as `perSec` says at the time, until `untilMs` of the steady clock. */
  async run({ day, perSec, untilMs }) {
    let before = performance.now();
    let due = 0;
    while (performance.now() < untilMs) {
      await sleep(tickMs);
      const now = performance.now();
      due += (perSec(now) * (now - before)) / 1000;
      before = now;
      for (; due >= 1; due -= 1) {
        if (this.#inFlight < inFlightMax) this.#ask(day.next());
        else this.late += 1;
      }
    }
    for (let waits = 0; this.#inFlight > 0 && waits < waitsMax; waits += 1) await sleep(tickMs);
    this.#agent.destroy();
  }

  async purge(token, purge) {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await fetch(`${this.#base}/_headwater/purges`, {
      method: 'POST',
      headers,
      body: JSON.stringify(purge),
    });
    await answer.arrayBuffer();
    if (answer.status !== 200) this.#wrong(`purge ${answer.status}`);
  }

  #ask(asked, agent = this.#agent) {
    const { path, may, headers, leaves } = asked;
    this.#inFlight += 1;
    const sent = request(this.#base + path, { headers, agent });
    let [over, hasHead] = [false, false];
    const end = (wrong) => {
      if (over) return;
      over = true;
      this.#inFlight -= 1;
      if (wrong) this.#wrong(wrong);
    };
    sent.on('error', (error) => {
      if (hasHead) return;
      // A kept-open connection may be closed for idleness just then: once more, on one of its own.
      if (!sent.reusedSocket) return end(`${error.code ?? error.message} ${path.split('/')[1]}`);
      end();
      this.#ask(asked, false);
    });
    sent.once('response', (incoming) => {
      hasHead = true;
      if (!may.includes(incoming.statusCode)) end(`${incoming.statusCode} ${path.split('/')[1]}`);
      if (leaves) {
        this.left += 1;
        end();
        incoming.on('error', () => undefined);
        return sent.destroy();
      }
      let bytes = 0;
      incoming.on('data', (chunk) => {
        bytes += chunk.length;
      });
      incoming.once('error', () => end(`cut ${path.split('/')[1]}`));
      incoming.once('end', () => {
        this.answered += 1;
        if (/; (hit|.*collapsed)/.test(incoming.headers['cache-status'] ?? '')) this.hits += 1;
        const length = incoming.headers['content-length'];
        end(length === undefined || Number(length) === bytes ? null : `length ${path.split('/')[1]}`);
      });
    });
    sent.end();
  }

  #wrong(what) {
    this.errors.set(what, (this.errors.get(what) ?? 0) + 1);
  }
}
