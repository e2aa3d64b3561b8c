import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Failure } from '../telemetry/failure.js';
import { loadSettings } from './config.js';

const file = (yaml: string) => {
  const path = join(mkdtempSync(join(tmpdir(), 'headwater-config-')), 'headwater.yaml');
  writeFileSync(path, yaml);
  return path;
};

const failure = (act: () => unknown): Failure => {
  try {
    act();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

describe('settings', () => {
  it('has a whole box as its default', () => {
    const settings = loadSettings({});
    expect(settings.http.listen).toBe('0.0.0.0:8080');
    expect(settings.rtmp.listen).toBe('0.0.0.0:1935');
    expect(settings.admin.listen).toBe('127.0.0.1:9180');
    expect(settings.data).toBe('./var');
    expect(settings.roles).toEqual(['ingest', 'transcode', 'origin', 'edge', 'api']);
    expect(settings.edge.memory).toBe(256 * 2 ** 20);
  });

  it('is exactly what the commented reference file says', () => {
    const reference = parse(readFileSync(new URL('../../config/headwater.yaml', import.meta.url), 'utf8'));
    expect(loadSettings({ file: 'config/headwater.yaml' })).toEqual(loadSettings({}));
    const keys = (tree: object, path = ''): string[] =>
      Object.entries(tree).flatMap(([key, value]) =>
        value !== null && typeof value === 'object' && !Array.isArray(value)
          ? keys(value, `${path}${key}.`)
          : [`${path}${key}`],
      );
    expect(keys(reference).sort()).toEqual(keys(loadSettings({})).sort());
  });

  it('takes the file, then the environment, then --set, then flags', () => {
    const settings = loadSettings({
      file: file('log: { level: warn }\nlive: { segmentSec: 4, windowSegments: 6 }\nupload: { bytesMax: 1GiB }\n'),
      environment: {
        HEADWATER_LIVE__SEGMENT_SEC: '3',
        HEADWATER_LOG__LEVEL: 'error',
        HEADWATER_PUBLICURL: 'https://tv.example/',
      },
      sets: ['log.level=debug'],
      flags: { 'http.listen': { flag: '--http', value: '127.0.0.1:0' } },
    });
    expect(settings.live).toMatchObject({ segmentSec: 3, windowSegments: 6 });
    expect(settings.log.level).toBe('debug');
    expect(settings.http.listen).toBe('127.0.0.1:0');
    expect(settings.upload.bytesMax).toBe(2 ** 30);
    expect(settings.publicUrl).toBe('https://tv.example');
  });

  it('takes the disks of a cache as DIR:SIZE or by name, from wherever settings come', () => {
    const disks = [
      { folder: '/cache1', bytesMax: 200 * 2 ** 30 },
      { folder: '/cache:2', bytesMax: 2 ** 40 },
    ];
    const flags = { 'edge.disks': { flag: '--cache-disk', value: ['/cache1:200GiB', '/cache:2:1TiB'] } };
    expect(loadSettings({ flags }).edge.disks).toEqual(disks);
    const sets = ['edge.disks=[/cache1:200GiB, {path: "/cache:2", size: 1TiB}]'];
    expect(loadSettings({ sets }).edge.disks).toEqual(disks);
    const yaml = 'edge:\n  disks:\n    - { path: /cache1, size: 200GiB }\n    - /cache:2:1TiB\n';
    expect(loadSettings({ file: file(yaml) }).edge.disks).toEqual(disks);
  });

  it.each([
    [
      { flags: { 'edge.disks': { flag: '--cache-disk', value: ['/cache1'] } } },
      'edge.disks: ["/cache1"] is not allowed (--cache-disk /cache1)',
      'edge.disks takes a list of at most 16 folders, each once, with sizes from 16MiB: DIR:SIZE',
    ],
    [{ sets: ['edge.disks=[/a:1GiB, /a/:2GiB]'] }, 'edge.disks: ["/a:1GiB","/a/:2GiB"] is not allowed', 'each once'],
    [{ sets: ['edge.disks=[/a:15MiB]'] }, 'edge.disks: ["/a:15MiB"] is not allowed', 'from 16MiB'],
    [{ sets: ['edge.disks=[{path: /a, bytes: 1GiB}]'] }, 'edge.disks: ', 'edge.disks takes a list'],
    [
      { sets: ['live.segmentSec=0'] },
      'live.segmentSec: 0 is not allowed (--set live.segmentSec=0)',
      'live.segmentSec takes a whole number of seconds from 1 to 10.',
    ],
    [
      { environment: { HEADWATER_LOG__LEVEL: 'loud' } },
      'log.level: "loud" is not allowed (HEADWATER_LOG__LEVEL)',
      'log.level takes trace, debug,',
    ],
    [
      { environment: { HEADWATER_LOGS__LEVEL: 'info' } },
      'HEADWATER_LOGS__LEVEL: no such setting',
      'Allowed here: roles, data,',
    ],
    [
      { sets: ['http.lisen=:80'] },
      'http.lisen: no such setting (--set http.lisen=:80)',
      'Allowed here: listen, engine, idleTimeoutSec, trustedProxies, proxyProtocol.',
    ],
    [{ sets: ['__proto__.x=1'] }, '__proto__.x: no such setting', 'Allowed here: roles,'],
    [{ sets: ['data'] }, '--set data: no value', 'Write --set a.b=value'],
    [
      { flags: { 'http.listen': { flag: '--http', value: '8080' } } },
      'http.listen: "8080" is not allowed (--http 8080)',
      'http.listen takes ADDR:PORT',
    ],
    [
      { sets: ['upload.bytesMax=12'] },
      'upload.bytesMax: 12 is not allowed',
      'upload.bytesMax takes a size with its unit',
    ],
    [{ sets: ['roles=[edge, cdn]'] }, 'roles: ["edge","cdn"] is not allowed', 'roles takes a list of ingest,'],
    [
      { sets: ['hooks.events=[{url: nowhere, secret: at-least-16-characters}]'] },
      'hooks.events.url: "nowhere" is not allowed',
      'hooks.events.url takes an http:// or https:// address.',
    ],
    [
      { sets: ['hooks.events=[{url: "http://a.example/", secret: short}]'] },
      'hooks.events.secret: "short" is not allowed',
      'hooks.events.secret takes a text of 16 to 512 characters.',
    ],
    [
      { flags: { 'edge.upstreams': { flag: '--upstream', value: ['http://a.example', 'ftp://b.example'] } } },
      'edge.upstreams: ["http://a.example","ftp://b.example"] is not allowed (--upstream http://a.example ftp://b.example)',
      'edge.upstreams takes a list of at most 32 different http:// or https:// addresses',
    ],
    [
      { sets: ['edge.upstreams=["http://a.example", "http://a.example/"]'] },
      'edge.upstreams: ["http://a.example","http://a.example/"] is not allowed',
      'different',
    ],
    [
      { sets: ['edge.upstreams=[{url: "http://a.example", weight: 0}]'] },
      'edge.upstreams.weight: 0 is not allowed',
      'a weight from 0.01 to 1000.',
    ],
    [
      { sets: ['edge.health.probePath=up'] },
      'edge.health.probePath: "up" is not allowed',
      'edge.health.probePath takes a path that begins with a slash, or null.',
    ],
    [{ sets: ['http=80'] }, 'http: 80 is not allowed', 'http takes a section of settings.'],
    [{ sets: ['http=80', 'http.listen=:1'] }, 'http: must be a section of settings', 'See config/headwater.yaml.'],
  ])('refuses %j', (sources, message, hint) => {
    const refused = failure(() => loadSettings(sources));
    expect(refused.message).toContain(message);
    expect(refused.hint).toContain(hint);
  });

  it('takes upstreams as addresses, with a weight, and from a flag that is repeated', () => {
    const two = [
      { url: 'http://a.example', weight: 1 },
      { url: 'https://b.example:8443/x', weight: 2.5 },
    ];
    const sets = ['edge.upstreams=["http://a.example/", {url: "https://b.example:8443/x", weight: 2.5}]'];
    expect(loadSettings({ sets }).edge.upstreams).toEqual(two);
    const value = ['http://c.example', 'http://d.example'];
    const flags = { 'edge.upstreams': { flag: '--upstream', value } };
    expect(loadSettings({ sets, flags }).edge.upstreams).toEqual(value.map((url) => ({ url, weight: 1 })));
  });

  it('names the file and the line of bad YAML, and the key of a bad value in it', () => {
    expect(failure(() => loadSettings({ file: '/nonexistent.yaml' })).message).toContain('no such file');
    expect(failure(() => loadSettings({ file: file('log: {\nlevel') })).message).toContain('line 2');
    expect(failure(() => loadSettings({ file: file('- a\n- b\n') })).message).toContain('holds no settings');
    const bad = file('rtmp: { connectionsMax: many }\nnonsense: 1\n');
    const refused = failure(() => loadSettings({ file: bad }));
    expect(refused.message).toContain(`rtmp.connectionsMax: "many" is not allowed (${bad})`);
    expect(refused.message).toContain(`nonsense: no such setting (${bad})`);
  });

  it('tells no secret of a list that holds something else that is wrong', () => {
    const keys = 'edge: { signed: { keys: [{ id: k1, secret: at-least-16-characters }, nonsense] } }\n';
    const { message } = failure(() => loadSettings({ file: file(keys) }));
    expect(message).toContain('edge.signed.keys: [{"id":"k1","secret":"…"},"nonsense"] is not allowed');
  });
});
