/**
 * The gates on the short way (http/quick-answers): they let pass what the gates would let pass, by the same terms. Whatever else there is to do, a
 * refusal too, is left to the long way, so it is done and counted once.
 */
import type { QuickAsker } from '../../http/quick-answers.js';
import type { AskedFor } from './access-line.js';
import { AccessLog } from './access-log.js';
import { ClientAccounts } from './client-accounts.js';
import { ClientShares } from './client-limits.js';
import type { GateTerms, GateTools } from './gates.js';
import { type IpAddress, ipAddressOf } from './ip-address.js';
import { NetworkSet } from './ip-network.js';
import { NetworkCourt } from './network-rules.js';

/** What has passed. Whoever has it calls `over` once its answer is. */
export interface QuickVisit {
  /** @param bytes of the body, handed over. @param cut the client did not get all of it. */
  over(status: number, bytes: number, cut: boolean): void;
}

const unseen: QuickVisit = { over: () => {} };

export class QuickGates {
  readonly #trusted: NetworkSet | null;
  readonly #court: NetworkCourt | null;
  readonly #shares: ClientShares | null;
  readonly #log: AccessLog | null;
  readonly #now: () => number;

  private constructor(terms: GateTerms, { now, counts, lines }: GateTools) {
    const { trustedProxies, accessLog, limits, networks } = terms;
    this.#trusted = trustedProxies.length === 0 ? null : new NetworkSet(trustedProxies);
    this.#court = networks.judges.length === 0 ? null : new NetworkCourt(networks);
    this.#shares = limits && new ClientShares(limits, new ClientAccounts(limits.accounts));
    this.#log = accessLog && new AccessLog({ ...accessLog, lines }, counts);
    this.#now = now;
  }

  /** Null: what is signed takes the long way, and with it all that may carry a token. */
  static open(terms: GateTerms, tools: GateTools): QuickGates | null {
    return terms.signed === null ? new QuickGates(terms, tools) : null;
  }

  /** Null: this is for the long way. */
  pass(asker: QuickAsker): QuickVisit | null {
    const log = this.#log?.takes(200) ? this.#log : null;
    const asksWho = this.#trusted !== null || this.#court !== null || this.#shares !== null || log !== null;
    if (!asksWho) return unseen;
    const client = ipAddressOf(asker.addressBytes());
    if (client === null || this.#trusted?.has(client)) return null;
    const verdict = this.#court?.verdict(asker.path, client) ?? 'admitted';
    if (verdict !== 'admitted') return null;
    const shares = this.#shares;
    const at = this.#now();
    const account = shares === null ? null : shares.open(client, at);
    if (shares !== null && account !== null && !book(shares, account, at)) return null;
    const leave = shares === null || account === null ? null : () => shares.leave(account);
    if (log === null) return leave === null ? unseen : { over: leave };
    return new WrittenVisit({ asked: askedFor(asker), client, at }, log, leave);
  }
}

/** All or nothing: the long way will ask once more. */
function book(shares: ClientShares, account: number, at: number): boolean {
  if (!shares.enter(account)) return false;
  if (shares.book(account, at) === 0) return true;
  shares.leave(account);
  return false;
}

interface Came {
  readonly asked: AskedFor;
  readonly client: IpAddress;
  readonly at: number;
}

class WrittenVisit implements QuickVisit {
  readonly #came: Came;
  readonly #log: AccessLog;
  readonly #leave: (() => void) | null;
  readonly #began = performance.now();

  constructor(came: Came, log: AccessLog, leave: (() => void) | null) {
    this.#came = came;
    this.#log = log;
    this.#leave = leave;
  }

  over(status: number, bytes: number, cut: boolean): void {
    this.#leave?.();
    const durationMs = performance.now() - this.#began;
    const { asked, client, at } = this.#came;
    this.#log.write({ asked, client, at, durationMs, status, outcome: hit, bytes, cut });
  }
}

const hit = { cache: 'hit' } as const;

/** To be read while the engine's call lasts. */
const askedFor = (asker: QuickAsker): AskedFor => ({
  method: 'GET',
  scheme: asker.scheme,
  protocol: 'HTTP/1.1',
  path: asker.path,
  host: asker.field('host'),
  range: asker.field('range'),
  agent: asker.field('user-agent'),
  referer: asker.field('referer'),
});
