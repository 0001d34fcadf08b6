import { defineConfig } from 'vitest/config';

// Two projects: `unit` needs no server and starts none; `integration` has one stack for the whole run. Files of it mostly wait for servers,
// sessions and periods, and share no state: two at a time.
export default defineConfig({
  test: {
    teardownTimeout: 30_000,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/{unit,property,vectors}/**/*.test.ts'],
          pool: 'forks',
          // Ends what hangs; says nothing of speed: a loaded machine may be ten times slower.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/stack-setup.ts'],
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
