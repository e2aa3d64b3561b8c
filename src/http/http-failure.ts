import { type AddressInfo, createServer } from 'node:net';
import { Failure } from '../telemetry/failure.js';

export type HttpFailureCode =
  /** Something else listens on the port. */
  | 'http.address-in-use'
  /** The system does not let this user listen there. */
  | 'http.address-denied'
  /** The host is no address of this machine. */
  | 'http.address-unknown'
  /** It listens nowhere, for a reason that the system gives in `cause`. */
  | 'http.not-listening'
  /** uWebSockets.js was asked for by name and does not load here. */
  | 'http.engine-unavailable'
  /** The certificate or its key cannot be read, or they do not fit together. */
  | 'http.certificate-unusable';

export class HttpFailure extends Failure<HttpFailureCode> {}

/** Turns the system's refusal to listen into words for the operator. */
export function listenFailure(host: string, port: number, cause: unknown): HttpFailure {
  const place = `${host}:${port}`;
  const errno = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (errno === 'EADDRINUSE') {
    return new HttpFailure('http.address-in-use', `${place} is in use`, {
      hint: `Another process listens on port ${port} (ss -ltnp 'sport = :${port}' names it). Stop it, or give another port.`,
      cause,
    });
  }
  if (errno === 'EACCES' || errno === 'EPERM') {
    return new HttpFailure('http.address-denied', `not allowed to listen on ${place}`, {
      hint: 'Ports below 1024 need root or CAP_NET_BIND_SERVICE. Give a higher port, or the capability.',
      cause,
    });
  }
  if (errno === 'EADDRNOTAVAIL' || errno === 'ENOTFOUND' || errno === 'EAI_AGAIN') {
    return new HttpFailure('http.address-unknown', `${host} is no address of this machine`, {
      hint: 'Give an address that `ip address` lists, 127.0.0.1 for this machine alone, or 0.0.0.0 for all addresses.',
      cause,
    });
  }
  return new HttpFailure('http.not-listening', `cannot listen on ${place}`, {
    hint: 'The cause says what the system answered; check the address and the limit of open files (ulimit -n).',
    cause,
  });
}

/** Why nothing can listen there, for an engine that only says that it could not: asks the system again through Node. */
export function explainListenFailure(host: string, port: number): Promise<HttpFailure> {
  return findFreePort(host, port).then(
    () => listenFailure(host, port, new Error('the engine gave no reason')),
    (failure) => failure,
  );
}

/**
 * Listens there for a moment, sharing the port with nobody, and says on which port that was: any free one where 0 is asked
 * for. Throws `HttpFailure` when something listens there, or nothing can.
 */
export function findFreePort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => reject(listenFailure(host, port, error)));
    probe.listen({ host, port, exclusive: true }, () => {
      const found = (probe.address() as AddressInfo).port;
      probe.close(() => resolve(found));
    });
  });
}
