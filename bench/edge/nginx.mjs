import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { find, freePort, startProcess } from './server-process.mjs';

/** Bodies lie in files, so in the kernel's page cache, and go out by sendfile; that memory is not in its resident figure. */
const configuration = ({ folder, origin, memoryMiB, certificate, port, tlsPort, accessLog }) => `
${process.getuid() === 0 ? 'user root;' : ''}
daemon off;
worker_processes auto;
worker_rlimit_nofile 16384;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log error;
events { worker_connections 8192; multi_accept on; }
http {
  log_format line escape=json '{"time":"$time_iso8601","client":"$remote_addr","method":"$request_method","scheme":"$scheme","protocol":"$server_protocol","host":"$host","path":"$uri","status":$status,"bytes":$body_bytes_sent,"sec":$request_time,"cache":"$upstream_cache_status","range":"$http_range","agent":"$http_user_agent","referer":"$http_referer"}';
  access_log ${accessLog ? `${folder}/access.log line buffer=64k flush=1s` : 'off'};
  sendfile on;
  sendfile_max_chunk 512k;
  # Over loopback, an answer of a little more than one packet of 64 KiB would wait 40 ms for the client's delayed ACK.
  tcp_nopush off;
  tcp_nodelay on;
  keepalive_timeout 600s;
  keepalive_requests 100000000;
  reset_timedout_connection on;
  open_file_cache max=20000 inactive=600s;
  open_file_cache_valid 600s;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  proxy_cache_path ${folder}/cache levels=1:2 keys_zone=edge:64m max_size=${memoryMiB}m inactive=1d use_temp_path=off manager_files=2000 manager_sleep=50ms;
  upstream origin { server ${new URL(origin).host}; keepalive 256; keepalive_requests 100000000; keepalive_timeout 600s; }
  ssl_certificate ${certificate.cert};
  ssl_certificate_key ${certificate.key};
  ssl_session_cache shared:tls:16m;
  server {
    listen 127.0.0.1:${port} backlog=4096 reuseport;
    listen 127.0.0.1:${tlsPort} ssl backlog=4096 reuseport;
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache edge;
      proxy_cache_key $uri$is_args$args;
      proxy_force_ranges on;
      proxy_cache_lock on;
      proxy_cache_lock_timeout 30s;
      proxy_cache_use_stale updating error timeout;
      proxy_cache_background_update on;
      proxy_buffers 16 64k;
      proxy_buffer_size 16k;
      proxy_busy_buffers_size 128k;
    }
  }
}
`;

export const nginx = {
  name: 'nginx',
  program: find('nginx'),
  package: 'nginx-light',
  async start(options) {
    const { folder } = options;
    const [port, tlsPort] = [await freePort(), await freePort()];
    const file = join(folder, 'nginx.conf');
    mkdirSync(join(folder, 'cache'));
    writeFileSync(file, configuration({ ...options, port, tlsPort }));
    const child = startProcess(this.program, ['-p', folder, '-e', join(folder, 'error.log'), '-c', file], { folder });
    return { child, port, tlsPort };
  },
};
