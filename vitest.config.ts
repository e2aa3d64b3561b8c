import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/build-once.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Real ffmpeg and real browsers run in many of these: two files at a time keep a two-core machine honest.
    maxWorkers: 2,
    pool: 'forks',
  },
});
