import type { Exchange } from './exchange.js';
import { endToEnd, type HeaderPairs } from './semantics/header-fields.js';

/** Early Hints come once or twice; an upstream that sends hundreds is not helping. */
const passedMax = 16;

/** Hands interim answers (RFC 9110 §15.2) on to one client, where its engine can send them. Nothing of them is kept. */
export function passInterim({ response }: Exchange): (status: number, headers: HeaderPairs) => void {
  let passed = 0;
  return (status, headers) => {
    passed += 1;
    if (passed <= passedMax && !response.started) response.inform(status, endToEnd(headers, new Set()));
  };
}
