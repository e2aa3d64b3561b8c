/** From the settings to the gates of the public door, with the files that they need. */
import { readFileSync } from 'node:fs';
import { type AccessLogFile, openAccessLogFile } from '../../edge-cache/gates/access-log-file.js';
import { type CountryNetworks, readCountryNetworks } from '../../edge-cache/gates/country-networks.js';
import type { GateOptions } from '../../edge-cache/gates/gates.js';
import { readIpAddress } from '../../edge-cache/gates/ip-address.js';
import { type IpNetwork, NetworkSet, readIpNetwork } from '../../edge-cache/gates/ip-network.js';
import { CurrentRules, type NetworkRule, type NetworkRules } from '../../edge-cache/gates/network-rules.js';
import type { SignedOptions } from '../../edge-cache/gates/signed-addresses.js';
import type { ProxyProtocol } from '../../http/server.js';
import { Failure, messageOf } from '../../telemetry/failure.js';
import type { Log } from '../../telemetry/log.js';
import type { Settings } from '../config-schema.js';
import { readSigningKeys } from '../signing-keys.js';

/** Lives from the edge's opening to its close. SIGHUP opens the access log anew, and reads the list of countries again. */
export interface EdgeGates {
  readonly options: GateOptions;
  /** After the edge: the last requests are written down too. */
  close(): Promise<void>;
}

/** Throws a `Failure` for what cannot be read or written. */
export function openEdgeGates(settings: Settings, log: Log): EdgeGates {
  const { limits } = settings.edge;
  const networks = new CurrentRules(readRules(settings));
  const signed = readSigned(settings);
  const accessLog = openAccessLog(settings, log);
  const onHangUp = () => {
    accessLog?.file.reopen();
    reloadCountries(settings, networks, log);
  };
  const listens = accessLog !== null || settings.edge.countryFile !== null;
  if (listens) process.on('SIGHUP', onHangUp);
  const trustedProxies = networksOf(settings.http.trustedProxies);
  return {
    options: { trustedProxies, accessLog: accessLog?.options ?? null, limits, networks, signed },
    async close() {
      if (listens) process.off('SIGHUP', onHangUp);
      await accessLog?.file.close();
    },
  };
}

/** Undefined: no connection is passed on with a PROXY header. Throws a `Failure` where nobody is trusted to send one. */
export function proxyProtocolOf({ http }: Settings): ProxyProtocol | undefined {
  if (!http.proxyProtocol) return undefined;
  if (http.trustedProxies.length === 0) {
    throw badSetting(
      'http.proxyProtocol: no network is named whose PROXY headers are believed',
      'Name the networks of your load balancers: http.trustedProxies: [10.0.0.0/8]',
    );
  }
  const trusted = new NetworkSet(networksOf(http.trustedProxies));
  return {
    trusts(peerAddress) {
      const address = readIpAddress(peerAddress);
      return address !== null && trusted.has(address);
    },
  };
}

function openAccessLog({ edge }: Settings, log: Log) {
  const { to, sample, anonymize } = edge.accessLog;
  if (to === null) return null;
  const file: AccessLogFile = openAccessLogFile({ file: to === 'stdout' ? null : to, log });
  return { file, options: { lines: file, sample, anonymize } };
}

function readSigned(settings: Settings): SignedOptions | null {
  const { prefixes, parameter } = settings.edge.signed;
  if (prefixes.length === 0) return null;
  const keys = readSigningKeys(settings);
  if (keys.length > 0) return { prefixes, keys, parameter };
  throw badSetting(
    'edge.signed.prefixes: no key could open them',
    'List at least one key: edge.signed.keys: [{ id: k1, secretFile: FILE }]; or take the prefixes away.',
  );
}

/** The settings' schema has found all of them good. */
const networksOf = (cidrs: readonly string[]): IpNetwork[] =>
  cidrs.map(readIpNetwork).filter((network) => network !== null);

type RuleSetting = { readonly allow: string[]; readonly deny: string[]; readonly countries: string[] };

const ruleOf = ({ allow, deny, countries }: RuleSetting): NetworkRule => ({
  allow: networksOf(allow),
  deny: networksOf(deny),
  countries,
});

function readRules({ edge }: Settings): NetworkRules {
  const { prefixes, ...everywhere } = edge.networks;
  const named = [...everywhere.countries, ...prefixes.flatMap(({ countries }) => countries)];
  return {
    everywhere: ruleOf(everywhere),
    prefixes: prefixes.map((rule) => ({ prefix: rule.prefix, ...ruleOf(rule) })),
    countries: readCountries(edge.countryFile, named),
  };
}

function readCountries(file: string | null, named: readonly string[]): CountryNetworks {
  if (named.length === 0) return new Map();
  if (file === null) {
    throw badSetting(
      'edge.networks: countries are named, but no list says which networks are in them',
      'Name a file of lines like "DE 192.0.2.0/24": edge.countryFile: FILE',
    );
  }
  const read = readCountryNetworks(readText(file));
  if (read.kind === 'unreadable') {
    throw badSetting(
      `edge.countryFile: ${file}, line ${read.line}: ${JSON.stringify(read.text)} cannot be read`,
      'Each line is two letters and a network in CIDR notation: DE 192.0.2.0/24',
    );
  }
  const unknown = named.find((country) => !read.countries.has(country));
  if (unknown === undefined) return read.countries;
  throw badSetting(
    `edge.countryFile: ${file} has no network in ${unknown}`,
    'Everybody in it would be refused: correct the country, or take a list that has it.',
  );
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw badSetting(
      `edge.countryFile: ${messageOf(error)}`,
      'Name a file that exists and that this user may read, of lines like "DE 192.0.2.0/24".',
    );
  }
}

/** A list that cannot be used changes nothing. */
function reloadCountries(settings: Settings, networks: CurrentRules, log: Log): void {
  const { countryFile } = settings.edge;
  if (countryFile === null) return;
  try {
    networks.replace(readRules(settings));
    log.info({ countryFile }, 'the list of countries was read again');
  } catch (error) {
    log.error({ countryFile, reason: messageOf(error) }, 'the list of countries stays as it was');
  }
}

const badSetting = (message: string, hint: string) => new Failure('cli.bad-setting', message, { hint });
