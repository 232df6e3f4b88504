import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { CompactEncrypt } from 'jose';
import { registerUser } from '../../support/account.ts';
import { createTestApp } from '../../support/app.ts';
import {
  ed25519Signing,
  encoded,
  type Forgery,
  hmacSigning,
  jws,
  mintLike,
  SHARED_SECRET,
} from './forged-token.ts';

/** The order of Ed25519's group: adding it to the second half of a signature makes another that a lax verifier takes. */
const ED25519_ORDER = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;

const attackersPair = generateKeyPairSync('ed25519');
export const attackersJwk = attackersPair.publicKey.export({ format: 'jwk' });
export const attackersSigning = ed25519Signing(attackersPair.privateKey);

export const noSignature = () => Buffer.alloc(0);
const zeros = () => Buffer.alloc(64);

/** Tokens whose algorithm, key or signature is not the service's. */
export const keyForgeries: Record<string, Forgery> = {
  'J1 no algorithm': ({ mint: { header, claims } }) =>
    ['none', 'None', 'NONE', 'nOnE', 'none ', ' none', '', null, undefined, false, 0, []].flatMap(
      (alg) => [
        jws({ ...header, alg }, claims, noSignature),
        jws({ ...header, alg, kid: undefined }, claims, noSignature),
        jws({ ...header, alg }, claims, zeros),
        `${encoded({ ...header, alg })}.${encoded(claims)}`,
      ],
    ),

  'J2 no signature, or a void one': ({ mint: { header, claims } }) => [
    jws(header, claims, noSignature),
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
};
