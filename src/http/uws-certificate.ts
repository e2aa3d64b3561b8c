import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Certificates } from './certificate-files.js';
import { HttpFailure } from './http-failure.js';
import type { UwsApp, UwsModule } from './uws-face.js';

/** For TLS 1.2, where BoringSSL would also take CBC, and keys that are not forgotten. TLS 1.3 has none but good ones. */
const ciphers = 'ECDHE+AESGCM:ECDHE+CHACHA20';
/** Its files are in memory. */
const memoryFolder = '/dev/shm';

/**
 * An app of uWebSockets.js that serves this pair. It takes names of files, and the operator's may be half renewed at this
 * moment; so the pair that was judged is written to files of its own, which are gone when this returns. Throws `HttpFailure`.
 */
export function secureApp(uws: UwsModule, pair: ReturnType<Certificates['current']>): UwsApp {
  const folder = mkdtempSync(join(temporaryFolder(), 'headwater-tls-'));
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  try {
    writeFileSync(certFile, pair.cert, { mode: 0o600 });
    writeFileSync(keyFile, pair.key, { mode: 0o600 });
    return uws.SSLApp({ cert_file_name: certFile, key_file_name: keyFile, ssl_ciphers: ciphers });
  } catch (cause) {
    throw new HttpFailure('http.certificate-unusable', 'uWebSockets.js cannot serve the certificate and its key', {
      hint:
        `Its BoringSSL takes RSA, ECDSA on P-256, P-384 and P-521, and Ed25519, and reads them from ${folder}, which must be writable. ` +
        "Other keys are served by Node's own engine: https.listen in place of https1.listen (--https, --https1), or http.engine: node.",
      cause,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function temporaryFolder(): string {
  try {
    accessSync(memoryFolder, constants.W_OK);
    return memoryFolder;
  } catch {
    return tmpdir();
  }
}
