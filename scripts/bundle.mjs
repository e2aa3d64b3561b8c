// The programs that run, out of the modules that tsc has put into dist: each is a few files in place of the hundreds that it is
// made of, whose loading is most of the time that a start takes (docs/decisions/0023-bundled-programs.md).
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const bundle = await rolldown({
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  input: {
    headwater: 'dist/cli/main.js',
    'catalog-thread': 'dist/metadata/catalog-thread.js',
    'door-thread': 'dist/edge-cache/threads/door-thread.js',
    'srt-listener': 'dist/ingest/srt/listener-process.js',
    'webrtc-child': 'dist/ingest/whip/webrtc-child.js',
  },
  platform: 'node',
  // They load files of their own from beside themselves.
  external: ['better-sqlite3', 'koffi', 'node-datachannel', 'pino'],
});
await bundle.write({
  dir: 'dist/programs',
  format: 'esm',
  cleanDir: true,
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[name]-[hash].js',
});
