import type { HttpHandler } from '../../http/server.js';
import { answerProblem } from '../answer-problem.js';
import type { EdgeMetrics } from '../edge-metrics.js';
import type { Exchange } from '../exchange.js';
import type { Gates } from './gates.js';
import { type Gate, type Refusal, Visit } from './visit.js';

/** What a request must pass before it is served, in this order. */
const inOrder = (gates: Gates): readonly Gate[] =>
  [
    // Who asks, behind proxies.
    gates.trustedProxies,
    // Written down from here on, whatever comes of it.
    gates.accessLog,
    // How often.
    gates.clientLimits,
    // Tokens come off: nobody behind this sees one.
    gates.takeTokens,
    // From where.
    gates.networks,
    // With what token.
    gates.signed,
  ].filter((gate) => gate !== null);

/** The public door: `serve` gets what the gates let pass, as they left it. */
export function passGates(
  gates: Gates,
  metrics: Pick<EdgeMetrics, 'request'>,
  serve: (exchange: Exchange) => void | Promise<void>,
): HttpHandler {
  const toPass = inOrder(gates);
  if (toPass.length === 0) return (request, response) => serve({ request, response });
  return (request, response) => {
    const visit = new Visit(request, response);
    for (const gate of toPass) {
      const refusal = gate(visit);
      if (refusal !== null) return turnAway(visit, refusal, metrics);
    }
    return watchedTo(visit, serve);
  };
}

/** Gates hear of it when the handler throws: then the engine answers, past them. */
function watchedTo(visit: Visit, serve: (exchange: Exchange) => void | Promise<void>): void | Promise<void> {
  const threw = (error: unknown): never => {
    visit.threw();
    throw error;
  };
  try {
    const serving = serve(visit);
    return serving instanceof Promise ? serving.catch(threw) : undefined;
  } catch (error) {
    return threw(error);
  }
}

function turnAway(
  { response }: Visit,
  { status, title, detail, told, headers }: Refusal,
  metrics: Pick<EdgeMetrics, 'request'>,
): void {
  metrics.request('refused');
  answerProblem(response, [status, title, detail], { detail: told ?? 'refused' }, headers);
}
