import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { find, freePort, startProcess } from './server-process.mjs';

const program = (origin) => `
vcl 4.1;
backend origin { .host = "${new URL(origin).hostname}"; .port = "${new URL(origin).port}"; }
sub vcl_deliver { unset resp.http.X-Varnish; unset resp.http.Via; }
`;

/** It speaks no TLS itself. */
export const varnish = {
  name: 'varnish',
  program: find('varnishd'),
  package: 'varnish',
  async start({ folder, origin, memoryMiB, accessLog }) {
    if (accessLog) throw new Error('another program writes its log');
    const port = await freePort();
    const file = join(folder, 'edge.vcl');
    writeFileSync(file, program(origin));
    const limits = [
      ...['thread_pools=2', 'thread_pool_min=300', 'thread_pool_max=2000', 'thread_pool_timeout=600'],
      ...['timeout_idle=600', 'listen_depth=4096', 'lru_interval=30', 'nuke_limit=1000'],
    ].flatMap((parameter) => ['-p', parameter]);
    const listen = ['-a', `127.0.0.1:${port}`, '-T', 'none', '-f', file];
    // Its jail would need an account that may read our folder; what is measured is the same without.
    const args = ['-j', 'none', '-F', '-n', join(folder, 'work'), ...listen, '-s', `malloc,${memoryMiB}m`, ...limits];
    return { child: startProcess(this.program, args, { folder }), port, tlsPort: null };
  },
};
