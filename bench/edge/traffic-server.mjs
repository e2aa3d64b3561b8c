import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { find, freePort, startProcess } from './server-process.mjs';

const mebibyte = 1024 * 1024;

const records = ({ memoryMiB, folder, port, tlsPort, accessLog }) => `
CONFIG proxy.config.http.server_ports STRING ${port}:ip-in=127.0.0.1 ${tlsPort}:ip-in=127.0.0.1:ssl
CONFIG proxy.config.admin.user_id STRING #-1
CONFIG proxy.config.exec_thread.autoconfig.enabled INT 1
CONFIG proxy.config.exec_thread.autoconfig.scale FLOAT 1.0
CONFIG proxy.config.net.connections_throttle INT 10000
CONFIG proxy.config.net.listen_backlog INT 4096
CONFIG proxy.config.cache.ram_cache.size INT ${memoryMiB * mebibyte}
CONFIG proxy.config.cache.ram_cache_cutoff INT ${4 * mebibyte}
CONFIG proxy.config.cache.min_average_object_size INT 8000
CONFIG proxy.config.cache.enable_read_while_writer INT 1
CONFIG proxy.config.http.background_fill_active_timeout INT 0
CONFIG proxy.config.http.background_fill_completed_threshold FLOAT 0.0
CONFIG proxy.config.http.cache.required_headers INT 0
CONFIG proxy.config.http.cache.open_write_fail_action INT 5
CONFIG proxy.config.http.keep_alive_no_activity_timeout_in INT 600
CONFIG proxy.config.http.insert_response_via_str INT 0
CONFIG proxy.config.http.insert_request_via_str INT 0
CONFIG proxy.config.crash_log_helper STRING NULL
CONFIG proxy.config.log.logging_enabled INT ${accessLog ? 3 : 0}
CONFIG proxy.config.diags.output.error STRING E
CONFIG proxy.config.ssl.server.cert.path STRING ${folder}
CONFIG proxy.config.ssl.server.private_key.path STRING ${folder}
`;

const logging = `
logging:
  formats:
    - name: line
      format: '{"time":"%<cqtd> %<cqtt>","client":"%<chi>","method":"%<cqhm>","host":"%<{Host}cqh>","path":"%<cqup>","status":%<pssc>,"bytes":%<pscl>,"ms":%<ttms>,"cache":"%<crc>","range":"%<{Range}cqh>","agent":"%<{User-Agent}cqh>","referer":"%<{Referer}cqh>"}'
  logs:
    - filename: access
      format: line
      mode: ascii
`;

const packaged = {
  bindir: '/usr/bin',
  libexecdir: '/usr/lib/trafficserver/modules',
  libdir: '/usr/lib/trafficserver',
  datadir: '/usr/share/trafficserver',
  includedir: '/usr/include',
  sbindir: '/usr/sbin',
};

/** Its own tree of folders ("run root"), and its files in there. */
function writeTree(options) {
  const { folder, origin, memoryMiB, certificate } = options;
  const own = { sysconfdir: 'etc', localstatedir: 'var', runtimedir: 'run', logdir: 'log', cachedir: 'cache' };
  for (const name of Object.values(own)) mkdirSync(join(folder, name));
  const layout = { prefix: folder, exec_prefix: folder, ...packaged };
  for (const [key, name] of Object.entries(own)) layout[key] = join(folder, name);
  const yaml = Object.entries(layout).map(([key, path]) => `${key}: ${path}\n`);
  writeFileSync(join(folder, 'runroot.yaml'), yaml.join(''));
  const files = {
    'records.config': records(options),
    'remap.config': `map / ${origin}\n`,
    'storage.config': `${join(folder, 'cache')} ${Math.max(256, memoryMiB)}M\n`,
    'ssl_multicert.config': `dest_ip=* ssl_cert_name=${certificate.cert} ssl_key_name=${certificate.key}\n`,
    'logging.yaml': logging,
    'plugin.config': '',
    'ip_allow.yaml': 'ip_allow:\n  - { apply: in, ip_addrs: 127.0.0.1, action: allow, methods: ALL }\n',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'etc', name), text);
}

/** It has a disk cache as large as its memory: it cannot run without one. */
export const trafficServer = {
  name: 'trafficserver',
  program: find('traffic_server'),
  package: 'trafficserver',
  async start(options) {
    const { folder } = options;
    const [port, tlsPort] = [await freePort(), await freePort()];
    writeTree({ ...options, port, tlsPort });
    const args = [`--run-root=${join(folder, 'runroot.yaml')}`];
    return { child: startProcess(this.program, args, { folder }), port, tlsPort };
  },
};
