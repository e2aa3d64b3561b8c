import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/build-once.ts'],
    // They only end a run that hangs: nothing here is judged by its speed.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Real ffmpeg and real browsers run in many of these: one file at a time keeps a two-core machine honest.
    maxWorkers: 1,
    pool: 'forks',
  },
});
