import { createHmac, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKeyring, type Keys } from '../../src/crypto/keyring.ts';
import { refreshToken } from '../../src/crypto/refresh-token.ts';
import {
  idBytes,
  idOf,
  isSignedIn,
  refresh,
  registerUser,
  type TestUser,
} from '../support/account.ts';
import { createTestApp, TEST_SECRET, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { changingNothing, inTurns } from './support/rows.ts';

/** What refresh says to a forgery: it is not worth telling apart from a session that has ended. */
const REFUSAL = { __typename: 'InvalidRefreshToken', code: 'INVALID_REFRESH_TOKEN' };

describe('forging a refresh token', () => {
  let app: TestApp;
  let victim: TestUser;
  let attacker: TestUser;
  let own: { id: string; mac: string };
  let theirs: { id: string; mac: string };
  let session: { id: string; generation: number; nonce: Buffer };

  beforeAll(async () => {
    app = await createTestApp();
    victim = await registerUser(app);
    attacker = await registerUser(app);
    // both at generation 1, so that there is one before as well
    victim.refreshToken = (await refresh(app, victim.refreshToken)).tokens.refreshToken;
    attacker.refreshToken = (await refresh(app, attacker.refreshToken)).tokens.refreshToken;
    app.clock.advance(31);
    own = partsOf(attacker.refreshToken);
    theirs = partsOf(victim.refreshToken);
    const [row] = await runSql<{ id: Buffer; generation: number; nonce: Buffer }>(
      app.databaseUrl,
      'select id, generation, nonce from sessions where user_id = ?',
      [idBytes(victim.id)],
    );
    session = {
      id: idOf(row?.id),
      generation: row?.generation ?? -1,
      nonce: row?.nonce ?? Buffer.alloc(0),
    };
  });
  afterAll(() => app.close());

  function partsOf(token: string): { id: string; mac: string } {
    const [id = '', generation = '', mac = ''] = token.split('.');
    expect(generation).toBe('1');
    return { id, mac };
  }

  /** Presents tokens every way there is, and checks that not one of them did anything at all. */
  async function areRefused(tokens: readonly string[]): Promise<void> {
    await changingNothing(app, () =>
      inTurns(tokens, async (token) => {
        expect(await refresh(app, token), JSON.stringify(token.slice(0, 200))).toMatchObject(
          REFUSAL,
        );
      }),
    );
    expect(await isSignedIn(app, victim.accessToken)).toBe(true);
    expect(await isSignedIn(app, attacker.accessToken)).toBe(true);
  }

  it('knows the real one: what follows is refused for being forged', () => {
    const keys = createKeyring([TEST_SECRET]).keys('refresh-token');
    expect(refreshToken(keys, session)).toBe(victim.refreshToken);
  });

  it('by flipping any bit of the session id or the MAC changes nothing', async () => {
    const flipped = (part: string) => {
      const bytes = Buffer.from(part, 'base64url');
      return Array.from({ length: bytes.length * 8 }, (_, bit) => {
        const changed = Buffer.from(bytes);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        return changed.toString('base64url');
      });
    };
    await areRefused([
      ...flipped(theirs.id).map((id) => `${id}.1.${theirs.mac}`),
      ...flipped(theirs.mac).map((mac) => `${theirs.id}.1.${mac}`),
    ]);
  });

  it('by another generation changes nothing: not one up, not one down, not a huge or odd one', async () => {
    const generations = [
      '0',
      '2',
      '3',
      '01',
      '001',
      '1.0',
      '+1',
      '-1',
      '-0',
      ' 1',
      '1 ',
      '1e0',
      '0x1',
      '１',
      '١',
      '',
      '2147483646',
      '2147483647',
      '2147483648',
      '4294967297',
      '9007199254740993',
      '18446744073709551617',
      '9'.repeat(10_000),
      'NaN',
      'Infinity',
      'null',
      "1' or '1'='1",
      '1 or 1=1',
    ];
    await areRefused(generations.map((generation) => `${theirs.id}.${generation}.${theirs.mac}`));
  });

  it("by somebody else's session id under one's own MAC changes nothing", async () => {
    await areRefused([
      `${theirs.id}.1.${own.mac}`,
      `${theirs.id}.0.${own.mac}`,
      `${own.id}.1.${theirs.mac}`,
      `${randomBytes(16).toString('base64url')}.1.${own.mac}`,
      // no session at all, and the smallest and the greatest of ids
      `${Buffer.from(idBytes('01890a5d-ac96-774b-bcce-b302099a8057')).toString('base64url')}.1.${own.mac}`,
      `${'A'.repeat(22)}.1.${own.mac}`,
      `${'_'.repeat(21)}w.1.${own.mac}`,
    ]);
  });

  it('at the same moment as others refresh spoils it for none of them', async () => {
    const users = await Promise.all(Array.from({ length: 12 }, () => registerUser(app)));
    const forged = [
      ...['', 'x', `${randomBytes(16).toString('base64url')}.0.${own.mac}`, '\0'.repeat(22)],
      ...[`${'A'.repeat(22)}.0.${own.mac}`, `${'_'.repeat(21)}w.0.${own.mac}`, theirs.id],
      ...[`${theirs.id}.1.${own.mac}`, `${own.id}.1.${theirs.mac}`],
    ];
    const mixed = users.flatMap((user, i) => [
      { user, token: user.refreshToken },
      { user: null, token: forged[i % forged.length] ?? '' },
    ]);
    const answers = await Promise.all(mixed.map(({ token }) => refresh(app, token)));
    for (const [i, { user }] of mixed.entries()) {
      if (user === null) expect(answers[i]).toMatchObject(REFUSAL);
      else
        expect(answers[i]).toMatchObject({ __typename: 'RefreshSuccess', user: { id: user.id } });
    }
  });

  it('by a MAC under any key or nonce but the right ones changes nothing', async () => {
    const ring = createKeyring([TEST_SECRET]);
    const [right] = ring.keys('refresh-token');
    const wrong: Keys[] = [
      [randomBytes(32)],
      [Buffer.alloc(32)],
      [Buffer.from(TEST_SECRET)],
      ring.keys('device-token'),
      ring.keys('recovery-code'),
      ring.keys('counter'),
      ring.keys('signing-key'),
      ring.keys('totp-secret'),
      createKeyring([`${TEST_SECRET} `]).keys('refresh-token'),
    ];
    const id = idBytes(session.id);
    const unprefixed = createHmac('sha256', right)
      .update(id)
      .update('1')
      .update(session.nonce)
      .digest('base64url');
    await areRefused([
      ...wrong.map((keys) => refreshToken(keys, session)),
      refreshToken([right], { ...session, nonce: Buffer.alloc(16) }),
      refreshToken([right], { ...session, nonce: randomBytes(16) }),
      refreshToken([right], { ...session, nonce: Buffer.alloc(0) }),
      `${theirs.id}.1.${unprefixed}`,
      `${theirs.id}.1.${Buffer.alloc(32).toString('base64url')}`,
      `${theirs.id}.1.${Buffer.alloc(32, 255).toString('base64url')}`,
    ]);
  });

  it('by another spelling of the real one changes nothing: each token has one', async () => {
    const [id, mac] = [theirs.id, theirs.mac];
    const standard = (part: string) => part.replaceAll('-', '+').replaceAll('_', '/');
    const hex = (part: string) => Buffer.from(part, 'base64url').toString('hex');
    const withLast = (part: string) =>
      [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
        .map((character) => part.slice(0, -1) + character)
        .filter((other) => other !== part);
    const real = `${id}.1.${mac}`;
    await areRefused([
      ...withLast(id).map((other) => `${other}.1.${mac}`),
      ...withLast(mac).map((other) => `${id}.1.${other}`),
      `${id}==.1.${mac}=`,
      `${standard(id)}=.1.${standard(mac)}=`,
      `${hex(id)}.1.${hex(mac)}`,
      `${session.id}.1.${mac}`,
      ...[' ', '\n', '\r\n', '\t', '\0', '.', '\ufeff', '\u200b'].flatMap((more) => [
        more + real,
        real + more,
        real.replace('.', `.${more}`),
      ]),
      real.toUpperCase(),
      real.toLowerCase(),
      encodeURIComponent(real).replaceAll('.', '%2E'),
      `"${real}"`,
      `${real}.${mac}`,
      `${id}.1`,
      `${id}..${mac}`,
      `${id}.1.`,
      mac,
      '',
      '..',
    ]);
  });

  it('by a megabyte changes nothing, and is answered before it costs anything', async () => {
    await areRefused([
      'A'.repeat(90_000),
      '.'.repeat(90_000),
      `${theirs.id}.1.${'A'.repeat(90_000)}`,
    ]);
    await changingNothing(app, async () => {
      for (const refreshToken of [
        'A'.repeat(1_000_000),
        `${victim.refreshToken}${' '.repeat(1e6)}`,
      ]) {
        const response = await app.post({
          query: 'mutation ($t: String) { refresh(input: { refreshToken: $t }) { __typename } }',
          variables: { t: refreshToken },
        });
        expect(response.status).toBe(413);
      }
    });
  });

  it('by what is no string at all changes nothing', async () => {
    await changingNothing(app, async () => {
      for (const t of [1, true, [victim.refreshToken], { token: victim.refreshToken }, [[]]]) {
        const answer = await app.gql(
          'mutation ($t: String) { refresh(input: { refreshToken: $t }) { __typename } }',
          { t },
        );
        expect(answer.data ?? null, JSON.stringify(t)).toBeNull();
        expect(answer.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
        expect(JSON.stringify(answer)).not.toContain(victim.refreshToken);
      }
    });
  });

  it('does not sign anybody out either, here or everywhere', async () => {
    const forgeries = [
      `${theirs.id}.1.${own.mac}`,
      `${theirs.id}.0.${theirs.mac}`,
      `${theirs.id}.2.${theirs.mac}`,
      refreshToken([randomBytes(32)], session),
    ];
    await changingNothing(app, async () => {
      for (const t of forgeries) {
        const { data } = await app.gql(
          'mutation ($t: String) { logout(everywhere: true, refreshToken: $t) { endedSessions } }',
          { t },
        );
        expect(data.logout.endedSessions).toBe(0);
      }
    });
    expect(await isSignedIn(app, victim.accessToken)).toBe(true);
  });

  it('leaves the real one as good as it was', async () => {
    expect((await refresh(app, victim.refreshToken)).__typename).toBe('RefreshSuccess');
    expect((await refresh(app, attacker.refreshToken)).__typename).toBe('RefreshSuccess');
  });
});
