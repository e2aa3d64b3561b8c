import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

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
      // Much of it waits for deadlines.
      project('parts', '{src,test/faults}/**/*.test.ts', { maxWorkers: 4, groupOrder: 1 }),
      // Whole boxes, with real publishers and players.
      project('flow', 'test/{flow,fuzz}/**/*.test.ts', { maxWorkers: 2, groupOrder: 2 }),
      // Judged by the seconds that a viewer saw: one file at a time keeps a two-core machine honest.
      project('viewers', 'test/viewers/**/*.test.ts', { maxWorkers: 1, groupOrder: 3 }),
    ],
  },
});

/** Groups run one after the other; `maxWorkers`: files at a time. */
function project(
  name: string,
  include: string,
  { maxWorkers, groupOrder }: { maxWorkers: number; groupOrder: number },
): TestProjectInlineConfiguration {
  return { test: { ...common, name, include: [include], maxWorkers, sequence: { groupOrder } } };
}
