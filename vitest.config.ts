import { defineConfig } from 'vitest/config';

const common = {
  // They only end a run that hangs: nothing here is judged by its speed.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  pool: 'forks',
} as const;

export default defineConfig({
  test: {
    globalSetup: ['test/build-once.ts'],
    projects: [
      {
        test: { ...common, name: 'parts', include: ['src/**/*.test.ts'], maxWorkers: 2, sequence: { groupOrder: 1 } },
      },
      {
        // Whole boxes, encoders and browsers: one file at a time keeps a two-core machine honest.
        test: { ...common, name: 'whole', include: ['test/**/*.test.ts'], maxWorkers: 1, sequence: { groupOrder: 2 } },
      },
    ],
  },
});
