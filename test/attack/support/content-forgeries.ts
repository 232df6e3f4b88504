import { encoded, type Forgery, jws, timeOf } from './forged-token.ts';

/** Tokens that the right key has signed, or that are made of such, and that say what they must not. */
export const contentForgeries: Record<string, Forgery> = {
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
