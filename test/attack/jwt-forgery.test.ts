import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { CompactEncrypt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen } from '../../src/http/listen.ts';
import { isSignedIn, registerUser, type TestUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import {
  ed25519Signing,
  encoded,
  hmacSigning,
  jws,
  type Mint,
  mintLike,
  SHARED_SECRET,
} from './support/forged-token.ts';
import { changingNothing, inTurns } from './support/rows.ts';

/** The order of Ed25519's group: adding it to the second half of a signature makes another that a lax verifier takes. */
const ED25519_ORDER = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;

interface Target {
  victim: TestUser;
  attacker: TestUser;
  deleted: TestUser;
  mint: Mint;
  theirs: Mint;
  /** Where a verifier would go that lets tokens say where keys are. */
  trap: string;
}

const attackersPair = generateKeyPairSync('ed25519');
const attackersJwk = attackersPair.publicKey.export({ format: 'jwk' });
const attackersSigning = ed25519Signing(attackersPair.privateKey);

/** The service's time, which stands still here: the pattern was made just now. */
const timeOf = (mint: Mint) => Number(mint.claims.iat);
const empty = () => Buffer.alloc(0);
const zeros = () => Buffer.alloc(64);

/** Each makes tokens that open nothing. */
const attacks: Record<string, (target: Target) => string[] | Promise<string[]>> = {
  'J1 no algorithm': ({ mint: { header, claims } }) =>
    ['none', 'None', 'NONE', 'nOnE', 'none ', ' none', '', null, undefined, false, 0, []].flatMap(
      (alg) => [
        jws({ ...header, alg }, claims, empty),
        jws({ ...header, alg, kid: undefined }, claims, empty),
        jws({ ...header, alg }, claims, zeros),
        `${encoded({ ...header, alg })}.${encoded(claims)}`,
      ],
    ),

  'J2 no signature, or a void one': ({ mint: { header, claims } }) => [
    jws(header, claims, empty),
    ...[1, 31, 32, 63, 64, 65, 128, 512].flatMap((length) => [
      jws(header, claims, () => Buffer.alloc(length)),
      jws(header, claims, () => Buffer.alloc(length, 255)),
    ]),
    `${encoded(header)}.${encoded(claims)}`,
    `${encoded(header)}.${encoded(claims)}.null`,
    `${encoded(header)}.${encoded(claims)}.undefined`,
    `${encoded(header)}.${encoded(claims)}.AA`,
  ],

  'J3 the public key as a shared secret': ({ mint: { header, claims, publicJwk } }) => {
    if (publicJwk === undefined) return [];
    const spki = createPublicKey({ key: publicJwk, format: 'jwk' });
    const pem = spki.export({ format: 'pem', type: 'spki' }).toString();
    const secrets = [
      Buffer.from(publicJwk.x ?? '', 'base64url'),
      publicJwk.x ?? '',
      JSON.stringify(publicJwk),
      spki.export({ format: 'der', type: 'spki' }),
      pem,
      pem.trim(),
      pem.replaceAll('\n', '\r\n'),
      String(header.kid),
      '',
    ];
    return secrets.flatMap((secret) =>
      (['sha256', 'sha384', 'sha512'] as const).flatMap((hash) => {
        const signing = hmacSigning(hash, secret);
        const alg = `HS${hash.slice(3)}`;
        return [
          jws({ ...header, alg }, claims, signing),
          jws({ ...header, alg, kid: undefined }, claims, signing),
          jws(header, claims, signing),
        ];
      }),
    );
  },

  'J4 another algorithm for the right key': ({ mint: { header, claims, sign } }) =>
    [
      'EdDSA',
      'Ed25519',
      'Ed448',
      'ES256',
      'RS256',
      'PS256',
      'HS256',
      'HS384',
      'HS512',
      'eddsa',
      'hs256',
    ]
      .filter((alg) => alg !== header.alg)
      .flatMap((alg) => [
        jws({ ...header, alg }, claims, sign),
        jws({ ...header, alg }, claims, hmacSigning('sha384', SHARED_SECRET)),
        jws({ ...header, alg }, claims, hmacSigning('sha512', SHARED_SECRET)),
      ]),

  'J5 a weak or guessed secret': ({ mint: { header, claims } }) =>
    ['', 'secret', 'changeme', 'your-256-bit-secret', SHARED_SECRET.slice(1), `${SHARED_SECRET}\n`]
      .map((secret) => hmacSigning('sha256', secret))
      .map((signing) => jws({ ...header, alg: 'HS256' }, claims, signing)),

  'J6 a kid that names something else': ({ mint: { header, claims, sign } }) =>
    [
      '../../../../../../dev/null',
      '/dev/null',
      'file:///dev/null',
      "' union select 'AA' -- ",
      "x' or '1'='1",
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      '0',
      'length',
      '',
      ' ',
      `${header.kid} `,
      ` ${header.kid}`,
      `${header.kid}\n`,
      `${header.kid}\0`,
      String(header.kid).toUpperCase(),
      'k'.repeat(64),
      'k'.repeat(700),
      '%00',
      '*',
      [header.kid],
      { kid: header.kid },
      { toString: header.kid },
      1,
      0,
      true,
      null,
      undefined,
    ].flatMap((kid) => [
      // by the right key, so that it is refused for its kid
      jws({ ...header, kid }, claims, sign),
      jws({ ...header, kid, alg: 'HS256' }, claims, hmacSigning('sha256', '')),
      jws({ ...header, kid, alg: 'HS256' }, claims, hmacSigning('sha256', 'AA')),
    ]),

  'J7 a key of its own in the header': ({ mint: { header, claims } }) => {
    const jwk = { ...attackersJwk, kid: header.kid, alg: 'EdDSA', use: 'sig' };
    const brought = [
      { jwk },
      { jwk, kid: undefined },
      { jwk, kid: 'mine' },
      { x5c: [attackersPair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')] },
      { jwks: { keys: [jwk] } },
      { key: jwk },
    ];
    return [
      ...brought.map((more) => jws({ ...header, alg: 'EdDSA', ...more }, claims, attackersSigning)),
      jws(
        { ...header, alg: 'HS256', jwk: { kty: 'oct', k: encoded(Buffer.from('own')) } },
        claims,
        hmacSigning('sha256', 'own'),
      ),
    ];
  },

  'J8 the address of a key in the header': ({ mint: { header, claims }, trap }) =>
    ['jku', 'x5u', 'iss', 'jwks_uri', 'kid', 'url'].flatMap((name) => [
      jws({ ...header, alg: 'EdDSA', [name]: trap }, claims, attackersSigning),
      jws({ ...header, alg: 'EdDSA', kid: 'trap', [name]: trap }, claims, attackersSigning),
      jws({ ...header, alg: 'EdDSA' }, { ...claims, iss: trap, [name]: trap }, attackersSigning),
    ]),

  'J9 extensions that must be understood': ({ mint: { header, claims, sign } }) => {
    const unencoded = { ...header, b64: false, crit: ['b64'] };
    const raw = `${encoded(unencoded)}.${JSON.stringify(claims)}`;
    return [
      ...[['exp'], ['b64'], ['x'], ['kid'], [], [''], 'exp', {}, null, true, [1]].map((crit) =>
        jws({ ...header, crit }, claims, sign),
      ),
      jws({ ...header, crit: ['x'], x: true }, claims, sign),
      jws({ ...header, crit: ['http://example.invalid/UNDEFINED'] }, claims, sign),
      jws(unencoded, claims, sign),
      `${raw}.${sign(raw).toString('base64url')}`,
    ];
  },

  'J10 another time': ({ mint }) => {
    const { header, claims, sign } = mint;
    const now = timeOf(mint);
    return [
      { exp: now },
      { exp: now - 1 },
      { exp: 0 },
      { exp: -1 },
      { exp: undefined },
      { exp: null },
      { exp: String(now + 900) },
      { exp: [now + 900] },
      { exp: {} },
      { exp: true },
      { nbf: now + 600 },
      { nbf: String(now) },
      { nbf: 'now' },
      { iat: now + 600 },
      { iat: now + 1_000_000_000 },
      { iat: undefined },
      { iat: String(now) },
    ].map((changes) => jws(header, { ...claims, ...changes }, sign));
  },

  'J11 another issuer or audience': ({ mint: { header, claims, sign } }) =>
    [
      { iss: 'https://evil.example.com' },
      { iss: `${claims.iss}/` },
      { iss: `${claims.iss}.evil.example.com` },
      { iss: String(claims.iss).toUpperCase() },
      { iss: [claims.iss] },
      { iss: undefined },
      { iss: null },
      { iss: '' },
      { aud: 'another-api' },
      { aud: ['another-api'] },
      { aud: [] },
      { aud: `${claims.aud} ` },
      { aud: [[claims.aud]] },
      { aud: { [String(claims.aud)]: true } },
      { aud: undefined },
      { aud: null },
      { aud: '' },
      { aud: '*' },
    ].map((changes) => jws(header, { ...claims, ...changes }, sign)),

  'J12 another type': ({ mint: { header, claims, sign } }) =>
    [
      'JWT',
      'jwt',
      'id+jwt',
      'at',
      'at+jwt;x',
      'at+jwt ',
      'secevent+jwt',
      '',
      null,
      undefined,
      1,
      ['at+jwt'],
      {},
    ].map((typ) => jws({ ...header, typ }, claims, sign)),

  'J13 nobody, or nobody any more': ({ mint: { header, claims, sign }, deleted }) =>
    [
      { sub: undefined },
      { sid: undefined },
      { sub: null },
      { sid: null },
      { sub: '' },
      { sid: '' },
      { sub: deleted.id },
      { sub: deleted.id, sid: deleted.id },
      { jti: undefined },
      { sub: '00000000-0000-0000-0000-000000000000' },
      { sid: '00000000-0000-0000-0000-000000000000' },
      { sid: 'ffffffff-ffff-ffff-ffff-ffffffffffff' },
      { sid: '01890a5d-ac96-774b-bcce-b302099a8057' },
    ]
      .map((changes) => jws(header, { ...claims, ...changes }, sign))
      .concat(deleted.accessToken),

  "J14 one user's id with another's session": ({ mint, theirs }) => [
    jws(mint.header, { ...mint.claims, sid: theirs.claims.sid }, mint.sign),
    jws(mint.header, { ...mint.claims, sub: theirs.claims.sub }, mint.sign),
    jws(mint.header, { ...mint.claims, sub: mint.claims.sid, sid: mint.claims.sub }, mint.sign),
    jws(mint.header, { ...mint.claims, sub: mint.claims.sid }, mint.sign),
  ],

  'J15 claims of another kind': ({ mint: { header, claims, sign } }) => [
    ...['sub', 'sid'].flatMap((name) =>
      [
        1,
        0,
        true,
        [claims[name]],
        [[claims[name]]],
        { [name]: claims[name] },
        { toString: claims[name] },
        String(claims[name]).toUpperCase(),
        `${claims[name]} `,
        ` ${claims[name]}`,
        `${claims[name]}\0`,
        `{${claims[name]}}`,
        `urn:uuid:${claims[name]}`,
        `${claims[name]}' or '1'='1`,
        '%',
        '________-____-____-____-____________',
        // of the form of an id, but nothing that the database's column takes
        '12345678-1234-9234-8234-123456789abc',
        '12345678-1234-4234-0234-123456789abc',
        'a'.repeat(5000),
      ].map((value) => jws(header, { ...claims, [name]: value }, sign)),
    ),
    ...[null, [], [claims], '', 'x', 1, true].map((payload) => jws(header, payload, sign)),
    ...[null, [], [header], '', 'x', 1, true].map((other) => jws(other, claims, sign)),
    jws(header, Buffer.from('{'), sign),
    jws(header, Buffer.from([0xff, 0xfe, 0x7b, 0x7d]), sign),
    jws(Buffer.from('{'), claims, sign),
    jws(Buffer.from([0xff]), claims, sign),
    jws(header, Buffer.from(jws(header, claims, sign)), sign),
    jws({ ...header, cty: 'JWT' }, Buffer.from(jws(header, claims, sign)), sign),
  ],

  'J16 parts of several tokens': ({ victim, attacker, mint: { claims } }) => {
    const [header, payload, signature] = attacker.accessToken.split('.');
    const [otherHeader, otherPayload, otherSignature] = victim.accessToken.split('.');
    const promoted = encoded({ ...claims, role: 'ADMIN' });
    return [
      `${header}.${otherPayload}.${signature}`,
      `${otherHeader}.${otherPayload}.${signature}`,
      `${header}.${payload}.${otherSignature}`,
      `${header}.${promoted}.${otherSignature}`,
      `${payload}.${header}.${signature}`,
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `.${payload}.${signature}`,
      `${header}..${signature}`,
      `${payload}`,
      '..',
      '.',
      'x.y.z',
      'null',
      'undefined',
      '[object Object]',
    ];
  },

  'J17 keys that are not in force': async ({ mint: { header, claims } }) => {
    // another service that was set up with the very same AUTH_SECRET has keys of its own
    const elsewhere = await createTestApp();
    const stranger = await registerUser(elsewhere);
    const other = await mintLike(elsewhere, stranger.accessToken);
    await elsewhere.close();
    return [
      stranger.accessToken,
      jws(other.header, claims, other.sign),
      jws({ ...other.header, kid: header.kid }, claims, other.sign),
      jws({ ...header, alg: 'EdDSA' }, claims, attackersSigning),
    ];
  },

  'J18 a signature that is another and yet the same': ({ victim, mint: { header } }) => {
    const [head, payload, signature = ''] = victim.accessToken.split('.');
    const bytes = Buffer.from(signature, 'base64url');
    const forms = [
      Buffer.concat([bytes, Buffer.alloc(1)]),
      bytes.subarray(0, -1),
      Buffer.from(bytes).reverse(),
    ];
    if (header.alg === 'EdDSA') {
      const s = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`);
      for (const times of [1n, 2n, 8n]) {
        const other = (s + times * ED25519_ORDER).toString(16).padStart(64, '0');
        forms.push(Buffer.concat([bytes.subarray(0, 32), Buffer.from(other, 'hex').reverse()]));
      }
    }
    return forms.map((form) => `${head}.${payload}.${form.toString('base64url')}`);
  },

  'J19 encryption instead of a signature': async ({ mint: { header, claims, publicJwk } }) => {
    const plaintext = Buffer.from(JSON.stringify(claims));
    const secret = new Uint8Array(32);
    const direct = await new CompactEncrypt(plaintext)
      .setProtectedHeader({ ...header, alg: 'dir', enc: 'A256GCM' })
      .encrypt(secret);
    const bomb = { alg: 'PBES2-HS512+A256KW', enc: 'A256GCM', p2c: 2_147_483_647, p2s: 'AAAA' };
    const part = encoded(randomBytes(40));
    return [
      direct,
      `${encoded({ ...header, ...bomb })}.${part}.${part}.${part}.${part}`,
      `${encoded({ ...header, ...bomb })}.${part}.${part}`,
      `${encoded({ alg: 'ECDH-ES', enc: 'A128GCM', epk: publicJwk })}..${part}.${part}.${part}`,
      `${direct.split('.').slice(0, 3).join('.')}`,
    ];
  },

  'J20 more than anybody needs': ({ mint: { header, claims, sign } }) => [
    jws(header, { ...claims, app: 'x'.repeat(8000) }, sign),
    jws({ ...header, x: 'x'.repeat(2000) }, claims, sign),
    `${'A'.repeat(4000)}.${'A'.repeat(4000)}.${'A'.repeat(4000)}`,
    'A'.repeat(16_000),
    '.'.repeat(16_000),
    jws(header, Buffer.from(`${'['.repeat(5000)}${']'.repeat(5000)}`), sign),
  ],

  'J21 another spelling of the real one': ({ victim }) => {
    const real = victim.accessToken;
    const parts = real.split('.');
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    // the last character of a part carries bits that mean nothing; Wycheproof's JWS vectors 367 to 375
    const nonCanonical = parts.flatMap((part, index) =>
      [...digits]
        .map((digit) => part.slice(0, -1) + digit)
        .filter((other) => other !== part)
        .map((other) => parts.with(index, other).join('.')),
    );
    return [
      ...nonCanonical,
      ...parts.flatMap((part, index) =>
        [`${part}=`, `${part}==`, `=${part}`, `${part}A`, `A${part}`, `${part}%3D`].map((other) =>
          parts.with(index, other).join('.'),
        ),
      ),
      ...[' ', '\t', '\u00a0', '=', ',', ';', '"', '%20', '\u00ad'].flatMap((more) => [
        `${real.slice(0, 20)}${more}${real.slice(20)}`,
        parts.join(`.${more}`),
        parts.join(`${more}.`),
      ]),
      `"${real}"`,
      `'${real}'`,
      `<${real}>`,
      `${real}.`,
      `.${real}`,
      `${real}.${parts[2]}`,
      `${real},${real}`,
      `${real}\u0000`.replace('\u0000', '%00'),
      real.replaceAll('.', '%2E'),
      real.replaceAll('.', ':'),
      encodeURIComponent(
        JSON.stringify({ payload: parts[1], protected: parts[0], signature: parts[2] }),
      ),
    ];
  },
};

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

    it.each(Object.keys(attacks))(
      'by %s opens nothing, breaks nothing and changes nothing',
      async (name) => {
        const tokens = (await attacks[name]?.(target)) ?? [];
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
        jws({ ...mint.header, alg: 'none' }, { ...mint.claims, role: 'ADMIN' }, empty),
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
          const answer = await rawRequest(listener.address.port, lines);
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

/** A GraphQL request with header lines as they are. @returns all that came back */
function rawRequest(port: number, lines: readonly string[]): Promise<string> {
  const body = JSON.stringify({ query: '{ me { id } }' });
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => {
      const head = [
        'POST /graphql HTTP/1.1',
        'host: localhost',
        'content-type: application/json',
        `content-length: ${body.length}`,
        'connection: close',
        ...lines,
      ];
      socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
    });
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
  });
}
