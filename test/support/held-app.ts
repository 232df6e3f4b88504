import { createTestApp, type TestApp, type TestAppOptions } from './app.ts';

/** A service in which something may happen once after a password was found right and before anything follows from it. */
export async function createHeldApp(options: Omit<TestAppOptions, 'overrides'> = {}): Promise<{
  app: TestApp;
  whileVerifying(happens: () => Promise<unknown>): void;
}> {
  let meanwhile: (() => Promise<unknown>) | undefined;
  const app = await createTestApp({
    ...options,
    overrides: {
      passwords: (hasher) => ({
        ...hasher,
        async verify(hash, password) {
          const matches = await hasher.verify(hash, password);
          const happens = meanwhile;
          meanwhile = undefined;
          await happens?.();
          return matches;
        },
      }),
    },
  });
  return {
    app,
    whileVerifying(happens) {
      meanwhile = happens;
    },
  };
}
