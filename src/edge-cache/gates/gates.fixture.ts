/** What tests of the door's gates share. */
import type { RequestListener } from 'node:http';
import type { AccessLines } from './access-log.js';
import { type IpNetwork, readIpNetwork } from './ip-network.js';
import type { NetworkRule } from './network-rules.js';

export const networksOf = (...cidrs: string[]): IpNetwork[] =>
  cidrs.map((cidr) => {
    const network = readIpNetwork(cidr);
    if (network === null) throw new Error(`${cidr} is no network`);
    return network;
  });

export const nobody: NetworkRule = { allow: [], deny: [], countries: [] };

/** An access log that is read as it is written. */
export const linesInto = (written: object[]): AccessLines => ({
  write: (lines) =>
    written.push(
      ...lines
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ) > 0,
});

/** Says what it was asked for, for a minute. */
export const echo: RequestListener = (request, response) => {
  response.writeHead(200, { 'cache-control': 'public, max-age=60, s-maxage=90', 'content-type': 'text/plain' });
  response.end(request.url);
};
