import { defineConfig } from 'vitest/config';

/** Tests that start and kill real processes; each wants the machine for itself. */
const processTests = [
  'packages/*/test/**/*.process.test.ts',
  'property-tests/src/**/*.process.test.ts',
];

const ssr = {
  // Vite's own list with ours in front: tests read the sources, so they need no build.
  resolve: { conditions: ['@simsim/source', 'module', 'node', 'development|production'] },
};

const shared = {
  pool: 'forks' as const,
  setupFiles: ['./.ci/vitest-setup.mjs'],
  testTimeout: 180_000,
  hookTimeout: 120_000,
};

export default defineConfig({
  test: {
    reporters: ['default', './.ci/reporter.mjs'],
    maxWorkers: 2,
    projects: [
      {
        ssr,
        test: {
          ...shared,
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        ssr,
        test: {
          ...shared,
          name: 'contract',
          include: ['packages/*/test/**/*.test.ts', 'property-tests/src/**/*.test.ts'],
          exclude: processTests,
          sequence: { groupOrder: 0 },
        },
      },
      {
        ssr,
        test: {
          ...shared,
          name: 'process',
          include: processTests,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
          testTimeout: 300_000,
        },
      },
    ],
  },
});
