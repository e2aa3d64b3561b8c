import type { Log } from '../telemetry/log.js';
import { sendProblem } from './problem.js';
import type { HttpHandler, HttpRequest, HttpResponse } from './server.js';

/** Runs a handler; what it throws is answered with 500 once, or, when the answer has begun, by cutting the connection. */
export function runHandler(handler: HttpHandler, request: HttpRequest, response: HttpResponse, log: Log): void {
  try {
    const running = handler(request, response);
    if (running) running.catch((error: unknown) => answerThrown(request, response, error, log));
  } catch (error) {
    answerThrown(request, response, error, log);
  }
}

function answerThrown(request: HttpRequest, response: HttpResponse, error: unknown, log: Log): void {
  const { method } = request;
  // The first step of a path may be somebody's token (edge-cache/gates/token-carriers).
  const path = request.path.replace(/^\/~[^/]*/, '/~');
  // A client that leaves makes bodies and waits throw: that is its right, and no fault of the handler.
  if (request.signal.aborted) {
    log.debug({ err: error, method, path }, 'handler stopped after its client left');
    return;
  }
  log.error({ err: error, method, path }, 'http handler threw');
  if (response.started) response.abort();
  else sendProblem(response, 500, 'Internal Server Error', 'The server failed to answer this request.');
}
