import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isSignedIn, refresh, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

describe('refresh', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp();
  });
  afterAll(() => app.close());

  it('gives everybody who presents a token within the grace window the same successor', async () => {
    const user = await registerUser(app);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => refresh(app, user.refreshToken)),
    );
    const successors = new Set(answers.map((answer) => answer.tokens.refreshToken));
    expect(successors.size).toBe(1);
    app.clock.advance(29);
    expect((await refresh(app, user.refreshToken)).tokens.refreshToken).toBe([...successors][0]);
  });

  it('takes an older token for theft after the window, and ends the session', async () => {
    const user = await registerUser(app);
    const { tokens } = await refresh(app, user.refreshToken);
    app.clock.advance(31);
    expect(await isSignedIn(app, tokens.accessToken)).toBe(true);
    expect((await refresh(app, user.refreshToken)).code).toBe('REFRESH_TOKEN_REUSED');
    expect(await isSignedIn(app, tokens.accessToken)).toBe(false);
    expect((await refresh(app, tokens.refreshToken)).code).toBe('INVALID_REFRESH_TOKEN');
  });
});
