import { defineConfig } from 'vitest/config';

export default defineConfig({
  // graphql has two builds, and what one makes the other takes for foreign: everybody gets the one that Node picks
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/database-server.ts'],
    // for two cores: a third of the time goes into waiting, for processes, deadlines and the database
    maxWorkers: 3,
    // nothing here is a singleton, so files may share what they have loaded: loading it anew was a third of the time
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
