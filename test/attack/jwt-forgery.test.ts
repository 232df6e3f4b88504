import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen } from '../../src/http/listen.ts';
import { postOf, sendRaw } from '../http/raw-connection.ts';
import { isSignedIn, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { contentForgeries } from './support/content-forgeries.ts';
import { jws, mintLike, SHARED_SECRET, type Target, timeOf } from './support/forged-token.ts';
import {
  attackersJwk,
  attackersSigning,
  keyForgeries,
  noSignature,
} from './support/key-forgeries.ts';
import { changingNothing, inTurns } from './support/rows.ts';

const forgeries = { ...keyForgeries, ...contentForgeries };

describe.each(['EdDSA', 'HS256'])(
  'forging an access token where the algorithm is %s',
  (algorithm) => {
    let app: TestApp;
    let target: Target;
    let trap: Server;
    let visits = 0;

    beforeAll(async () => {
      trap = createServer((_request, response) => {
        visits++;
        response.end(JSON.stringify({ keys: [{ ...attackersJwk, kid: 'trap', alg: 'EdDSA' }] }));
      });
      trap.on('connection', () => visits++);
      await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
      const { port } = trap.address() as AddressInfo;
      const shared = { JWT_ALGORITHM: 'HS256', JWT_SECRET: SHARED_SECRET };
      app = await createTestApp({ env: algorithm === 'HS256' ? shared : {} });
      const [victim, attacker, deleted] = [
        await registerUser(app),
        await registerUser(app),
        await registerUser(app),
      ];
      const input = `{ confirm: true, currentPassword: "${deleted.password}" }`;
      const gone = await app.gql(
        `mutation { deleteAccount(input: ${input}) { __typename } }`,
        {},
        { token: deleted.accessToken },
      );
      expect(gone.data.deleteAccount.__typename).toBe('DeleteAccountSuccess');
      target = {
        victim,
        attacker,
        deleted,
        mint: await mintLike(app, victim.accessToken),
        theirs: await mintLike(app, attacker.accessToken),
        trap: `http://127.0.0.1:${port}/jwks.json`,
      };
    });
    afterAll(async () => {
      await new Promise((resolve) => trap.close(resolve));
      await app.close();
    });

    /** Sends an Authorization header, and checks that whoever sent it is told to sign in and nothing else. */
    async function isRefused(authorization: string): Promise<void> {
      const sending = { headers: { authorization } };
      const response = await app.post({ query: '{ me { id email } }' }, sending);
      const told = authorization.slice(0, 300);
      expect(response.status, told).toBe(200);
      const answer = await response.json();
      expect(answer.data, told).toEqual({ me: null });
      expect(answer.errors, told).toHaveLength(1);
      expect(answer.errors[0].extensions, told).toEqual({ code: 'UNAUTHENTICATED' });
    }

    it('can be done with the right key: what follows is refused for what is wrong with it', async () => {
      const { header, claims, sign } = target.mint;
      expect(header.alg).toBe(algorithm);
      for (const token of [
        jws(header, claims, sign),
        jws({ ...header, jku: target.trap, x5u: target.trap, jwk: attackersJwk }, claims, sign),
        jws(
          header,
          { ...claims, aud: ['another-api', claims.aud], nbf: timeOf(target.mint) - 60 },
          sign,
        ),
      ]) {
        const { data } = await app.gql('{ me { id } }', {}, { token });
        expect(data.me).toEqual({ id: target.victim.id });
      }
      for (const scheme of ['bearer', 'BEARER', 'Bearer ']) {
        const headers = { authorization: `${scheme} ${target.victim.accessToken}` };
        const { data } = await app.gql('{ me { id } }', {}, { headers });
        expect(data.me).toEqual({ id: target.victim.id });
      }
    });

    it.each(Object.keys(forgeries))(
      'by %s opens nothing, breaks nothing and changes nothing',
      async (name) => {
        const tokens = (await forgeries[name]?.(target)) ?? [];
        if (name !== 'J3 the public key as a shared secret')
          expect(tokens.length).toBeGreaterThan(2);
        await changingNothing(app, () => inTurns(tokens, (token) => isRefused(`Bearer ${token}`)));
        expect(await isSignedIn(app, target.victim.accessToken)).toBe(true);
      },
    );

    it('by a malformed Authorization header opens nothing and breaks nothing', async () => {
      const { accessToken } = target.victim;
      await changingNothing(app, () =>
        inTurns(
          [
            '',
            ' ',
            'Bearer',
            'Bearer ',
            'Bearer  ',
            'bearer\t',
            'Bearer %',
            'Bearer %E0',
            'Bearer %E0%A4%A',
            'Bearer %00',
            `Bearer ${'a'.repeat(16_384)}`,
            'a'.repeat(16_384),
            `${'Bearer '.repeat(2000)}`,
            `Bearer${accessToken}`,
            `Bearer\t${accessToken}`,
            `Bearer: ${accessToken}`,
            `Bearer=${accessToken}`,
            `Bearer Bearer ${accessToken}`,
            `Bearer ${accessToken} ${accessToken}`,
            `Bearer ${accessToken}, Bearer ${accessToken}`,
            `Bearer x, Bearer ${accessToken}`,
            `Bearer token="${accessToken}"`,
            `Bearer access_token=${accessToken}`,
            `Basic ${Buffer.from(`x:${accessToken}`).toString('base64')}`,
            `Basic ${accessToken}`,
            `Token ${accessToken}`,
            `DPoP ${accessToken}`,
            `JWT ${accessToken}`,
            `xBearer ${accessToken}`,
            accessToken,
            'null',
            'undefined',
            '\u00ff\u00fe\u00a0',
          ],
          isRefused,
        ),
      );
    });

    it('opens no other door either: each field that needs somebody says who is missing', async () => {
      const { mint, victim, attacker } = target;
      const doors = [
        `{ profile(username: "${victim.username}") { username } }`,
        '{ admin { dashboard { users } } }',
        'mutation { updateProfile(input: { displayName: "Mallory" }) { __typename } }',
        `mutation { revokeSession(id: "${mint.claims.sid}") { __typename } }`,
        `mutation { enableTotp(input: { currentPassword: "${victim.password}" }) { __typename } }`,
        `mutation { deleteUser(id: "${victim.id}") { __typename } }`,
      ];
      const tokens = [
        jws({ ...mint.header, alg: 'none' }, { ...mint.claims, role: 'ADMIN' }, noSignature),
        jws(mint.header, { ...mint.claims, role: 'ADMIN' }, attackersSigning),
        attacker.refreshToken,
        '',
      ];
      await changingNothing(app, async () => {
        for (const query of doors) {
          for (const token of tokens) {
            const answer = await app.gql(query, {}, { token });
            expect(answer.errors?.[0]?.extensions.code, query).toBe('UNAUTHENTICATED');
          }
        }
      });
      // what a token says of its bearer's role is for other services; this one asks its own records
      const promoted = jws(mint.header, { ...mint.claims, role: 'ADMIN' }, mint.sign);
      const asked = await app.gql('{ admin { dashboard { users } } }', {}, { token: promoted });
      expect(asked.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    });

    it('and sending it anywhere but in the Authorization header opens nothing', async () => {
      const { accessToken } = target.victim;
      const places: Record<string, string>[] = [
        { 'x-access-token': accessToken },
        { 'x-authorization': `Bearer ${accessToken}` },
        { 'proxy-authorization': `Bearer ${accessToken}` },
        { 'x-forwarded-authorization': `Bearer ${accessToken}` },
        { 'x-user-id': target.victim.id },
        { cookie: `token=${accessToken}; access_token=${accessToken}; jwt=${accessToken}` },
      ];
      for (const headers of places) {
        const answer = await app.gql('{ me { id } }', {}, { headers });
        expect(answer).toEqual({ data: { me: null } });
      }
      const query = new URLSearchParams({ query: '{ me { id } }', access_token: accessToken });
      const response = await app.app.fetch(`http://localhost:4000/graphql?${query}`);
      expect(await response.json()).toEqual({ data: { me: null } });
      const inBody = await app.post({ query: '{ me { id } }', access_token: accessToken });
      expect(await inBody.json()).toEqual({ data: { me: null } });
    });

    it('does not stop anybody from signing in', async () => {
      const { victim } = target;
      for (const authorization of ['Bearer', 'Bearer x.y.z', `Bearer ${'a'.repeat(9000)}`]) {
        const { data } = await app.gql(
          `mutation { login(input: { identifier: "${victim.email}", password: "${victim.password}" }) {
          __typename
        } }`,
          {},
          { headers: { authorization } },
        );
        expect(data.login.__typename).toBe('LoginSuccess');
      }
    });

    it('opens nothing behind two Authorization headers, of which sockets and proxies see different ones', async () => {
      const listener = await listen(app.app.handler, {
        host: '127.0.0.1',
        port: 0,
        securityHeaders: app.app.securityHeaders,
      });
      try {
        const { accessToken } = target.victim;
        for (const lines of [
          ['authorization: Bearer x', `authorization: Bearer ${accessToken}`],
          ['Authorization: Bearer', `authorization: Bearer ${accessToken}`],
          ['authorization:', `authorization: Bearer ${accessToken}`],
          ['authorization: Basic eDp4', `AUTHORIZATION: Bearer ${accessToken}`],
        ]) {
          const answer = await sendRaw(
            listener.address.port,
            postOf('{ me { id } }', 'connection: close', ...lines),
          );
          expect(answer, lines.join()).toMatch(/"code":"UNAUTHENTICATED"/);
          expect(answer).not.toContain(target.victim.id);
        }
      } finally {
        await listener.close();
      }
    });

    it('sent nobody anywhere: no token made the service connect to an address in it', () => {
      expect(visits).toBe(0);
    });
  },
);
