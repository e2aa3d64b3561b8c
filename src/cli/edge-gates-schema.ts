/** The settings of who may ask at the public door. */
import { z } from 'zod';
import { readIpNetwork } from '../edge-cache/gates/ip-network.js';
import { rulePath } from '../edge-cache/gates/rule-path.js';

const networkList = (what: string, max: number) =>
  z
    .array(z.string().refine((text) => readIpNetwork(text) !== null))
    .max(max)
    .describe(`a list of ${what} in CIDR notation, for example [192.0.2.0/24, 2001:db8::/32]`)
    .default([]);

const countryList = () =>
  z
    .array(z.string().regex(/^[A-Z]{2}$/))
    .max(300)
    .describe('a list of countries, two capital letters each, for example [DE, AT]')
    .default([]);

/** As paths are compared: a folder, without escapes or dots. */
const prefix = () =>
  z
    .string()
    .refine((text) => text.startsWith('/') && text.endsWith('/') && rulePath(text) === text)
    .describe('a folder that begins and ends with a slash, without escapes, for example /vod/');

const orNull = (schema: z.ZodNumber, unit: string, min: number, max: number) =>
  schema.min(min).max(max).nullable().describe(`${unit} from ${min} to ${max}, or null`).default(null);

const section = <Shape extends z.core.$ZodLooseShape>(shape: Shape) => z.strictObject(shape).prefault({} as never);

export const trustedProxies = networkList('networks', 1000);

export const edgeGates = {
  signed: section({
    prefixes: z
      .array(prefix())
      .max(100)
      .describe('a list of folders, each of which begins and ends with a slash, without escapes: [/vod/, /media/]')
      .default([]),
    // What is wrong with a key is told where it is read, without its secret.
    keys: z
      .array(
        z.strictObject({
          id: z.string(),
          secret: z.string().nullable().default(null),
          secretFile: z.string().min(1).nullable().default(null),
        }),
      )
      .max(16)
      .describe('a list of at most 16 keys, each with its own id, and a secret or a secretFile')
      .default([]),
    parameter: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/)
      .describe('a name of 1 to 64 letters, digits, _ and -')
      .default('hw_token'),
  }),
  networks: section({
    allow: networkList('networks', 100_000),
    deny: networkList('networks', 100_000),
    countries: countryList(),
    prefixes: z
      .array(
        z.strictObject({
          prefix: prefix(),
          allow: networkList('networks', 100_000),
          deny: networkList('networks', 100_000),
          countries: countryList(),
        }),
      )
      .max(100)
      .describe('a list of at most 100 rules, each with a prefix, and allow, deny or countries')
      .default([]),
  }),
  countryFile: z.string().min(1).nullable().describe('a file of lines like "DE 192.0.2.0/24", or null').default(null),
  limits: section({
    requestsPerSec: orNull(z.number(), 'requests per second', 0.01, 1_000_000),
    burst: z.int().min(1).max(1_000_000).describe('a whole number of requests from 1 to 1000000').default(200),
    inFlightMax: orNull(z.int(), 'a whole number of requests', 1, 1_000_000),
    connectionsMax: orNull(z.int(), 'a whole number of connections', 1, 1_000_000),
  }),
  accessLog: section({
    to: z.string().min(1).nullable().describe('the path of a file, stdout, or null').default(null),
    sample: z.number().min(0).max(1).describe('a part from 0 to 1').default(1),
    anonymize: z.boolean().describe('true or false').default(false),
  }),
};
