import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

const LOOKUP_MS = 2_000;

/** RFC 6890 and its successors: what does not lead out of this machine and its networks. */
const PRIVATE = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  PRIVATE.addSubnet(network, bits, 'ipv4');
}
for (const [network, bits] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  PRIVATE.addSubnet(network, bits, 'ipv6');
}

/** What is known of this box: the ports at which it takes publishers, and the name that it goes by. */
interface ThisBox {
  readonly ports: readonly number[];
  readonly publicUrl: string | null;
}

/**
 * Where an address leads, as far as a look-up now can tell: a name may lead elsewhere later, and one that is not found, or not
 * within `LOOKUP_MS`, counts as elsewhere.
 */
export async function targetPlace(
  { host, port }: { readonly host: string; readonly port: number },
  { ports, publicUrl }: ThisBox,
): Promise<'this-box' | 'private' | 'elsewhere'> {
  const ours = ports.includes(port);
  if (ours && publicUrl !== null && new URL(publicUrl).hostname === host) return 'this-box';
  const addresses = await addressesOf(host);
  const isOwn = (address: string) => LOOPBACK.test(address) || ownAddresses().has(address);
  if (ours && addresses.some(isOwn)) return 'this-box';
  const isPrivate = (address: string) => PRIVATE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return addresses.some(isPrivate) ? 'private' : 'elsewhere';
}

/** The unspecified address leads to this machine too. */
const LOOPBACK = /^(?:127\.|0\.0\.0\.0$|::1?$|::ffff:(?:127\.|7f))/i;

const ownAddresses = (): Set<string> =>
  new Set(Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)));

async function addressesOf(host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string[]>((resolve) => {
    timer = setTimeout(() => resolve([]), LOOKUP_MS);
  });
  const found = lookup(host, { all: true }).then(
    (list) => list.map(({ address }) => address),
    () => [],
  );
  return Promise.race([found, late]).finally(() => clearTimeout(timer));
}
