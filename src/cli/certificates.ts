import { type CertificateFiles, openCertificateFiles } from '../http/certificate-files.js';
import { Failure } from '../telemetry/failure.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Settings } from './config-schema.js';

/**
 * The box's certificate, for every door that speaks TLS; null where none is named. Lives from the box's opening to its
 * close; SIGHUP reads the files anew at once.
 */
export function openCertificates(settings: Settings, log: Log, metrics: Metrics): CertificateFiles | null {
  const { certFile, keyFile } = settings.https;
  const wanted = settings.https.listen !== null || settings.https1.listen !== null;
  if (certFile === null && keyFile === null && !wanted) return null;
  if (certFile === null || keyFile === null) throw halfNamed(certFile === null ? '--tls-cert' : '--tls-key');
  const files = openCertificateFiles({ certFile, keyFile, log });
  const onHangUp = () => files.reload();
  process.on('SIGHUP', onHangUp);
  const expiry = metrics.gauge(
    'tls_certificate_expires_seconds',
    'When the certificate expires, seconds since 1970. Less than two weeks ahead: see why it was not renewed.',
  );
  const noteExpiry = () => expiry.set(Math.floor(files.expiresAt / 1000));
  noteExpiry();
  files.onChange(noteExpiry);
  return {
    get expiresAt() {
      return files.expiresAt;
    },
    current: () => files.current(),
    onChange: (listener) => files.onChange(listener),
    reload: () => files.reload(),
    close() {
      process.off('SIGHUP', onHangUp);
      files.close();
    },
  };
}

function halfNamed(missing: string): Failure {
  return new Failure('cli.bad-setting', `HTTPS needs a certificate and its key: ${missing} is missing`, {
    hint:
      'Give both: --tls-cert FILE --tls-key FILE (PEM; https.certFile and https.keyFile in the settings). For a trial: ' +
      'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost -keyout key.pem -out cert.pem',
  });
}
