import { createTestApp, type TestApp, type TestAppOptions } from './app.ts';

/** A service in which a test can step in once, right after a password has been verified and before the service goes on. */
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
