// Who may import whom. Each rule says why it exists and what to do instead.
const workers = [
  'metadata',
  'storage',
  'http',
  'ingest',
  'transcode',
  'restream',
  'origin',
  'edge-cache',
  'api',
  'hooks',
];
const others = (name, allowed = []) =>
  `^src/(${[...workers, 'cli'].filter((worker) => worker !== name && !allowed.includes(worker)).join('|')})/`;

const worker = (name, allowed = []) => ({
  name: `${name}-stands-alone`,
  severity: 'error',
  comment: `${name} is a worker: it may import media, telemetry and itself${allowed.length ? `, and ${allowed.join(', ')} (it has a door)` : ''}. If it needs another worker, declare the small interface it needs in its own file and let cli wire it.`,
  from: { path: `^src/${name}/` },
  to: { path: others(name, allowed) },
});

module.exports = {
  forbidden: [
    {
      name: 'floor-imports-nothing-of-ours',
      severity: 'error',
      comment:
        'media and telemetry are the floor: everything stands on them, so they stand on nothing. Move what needs more into the worker that needs it.',
      from: { path: '^src/(media|telemetry)/' },
      to: { path: '^src/', pathNot: '^src/(media|telemetry)/' },
    },
    {
      name: 'media-is-pure',
      severity: 'error',
      comment: 'media holds words and pure functions: no I/O, no telemetry. Do the I/O in the worker that calls it.',
      from: { path: '^src/media/', pathNot: '\\.test\\.ts$' },
      to: { pathNot: '^src/media/|^(node:)?(buffer|assert)$' },
    },
    ...['metadata', 'storage', 'http', 'ingest', 'transcode', 'restream', 'hooks'].map((name) => worker(name)),
    ...['origin', 'edge-cache', 'api'].map((name) => worker(name, ['http'])),
    {
      name: 'nothing-imports-cli',
      severity: 'error',
      comment: 'cli wires; nothing may depend on the wiring. Take what you need as a parameter.',
      from: { pathNot: '^src/cli/|^test/|^bench/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'sqlite-on-its-thread',
      severity: 'error',
      comment:
        'better-sqlite3 is synchronous: only the catalog thread opens SQLite. Ask the catalog through its asynchronous face.',
      from: { path: '^src/', pathNot: '^src/metadata/(catalog-thread|embedded-log|apply|schema|queries)' },
      to: { path: 'better-sqlite3', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Data flows one way through the tree. Take the shared part out into a file of its own.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'tests-are-not-imported',
      severity: 'error',
      comment: 'Product code must not lean on test code.',
      from: { path: '^src/', pathNot: '\\.(test|contract|fixture)\\.ts$' },
      to: { path: '\\.(test|contract|fixture)\\.ts$|^test/|^bench/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    parser: 'swc',
    tsPreCompilationDeps: true,
  },
};
