import { scryptSync } from 'node:crypto';
import { hash as argon2Hash, verify as argon2Verify } from 'argon2';
import { hash as bcryptHash } from 'bcrypt';
import { describe, expect, it } from 'vitest';
import { createHashPool } from '../../src/crypto/hash-pool.ts';
import { createPasswordHasher } from '../../src/crypto/password.ts';
import { importProblem } from '../../src/crypto/password-hash.ts';
import { processorWatch } from '../support/processor-time.ts';

const CHEAP = { memoryKib: 8, passes: 1, parallelism: 1 };
const newHasher = (cost = CHEAP) =>
  createPasswordHasher(cost, createHashPool({ concurrency: 2, queue: 100 }));
const hasher = newHasher();

const phc = (parameters: string, type = 'argon2id') =>
  `$${type}$v=19$${parameters}$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo`;

const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');

/** A PHC string as passlib writes it. */
function scryptHash(password: string, [ln, r, p]: [number, number, number] = [4, 8, 1]): string {
  const salt = Buffer.from('salt of sixteen.');
  const key = scryptSync(password, salt, 32, { N: 2 ** ln, r, p });
  return `$scrypt$ln=${ln},r=${r},p=${p}$${base64(salt)}$${base64(key)}`;
}

describe('hash', () => {
  it('is argon2id under the cost that was asked for, with a salt of its own', async () => {
    const hashes = await Promise.all([1, 2, 3].map(() => hasher.hash('four words in a row')));
    expect(new Set(hashes).size).toBe(3);
    for (const hash of hashes) expect(hash).toMatch(/^\$argon2id\$v=19\$m=8,t=1,p=1\$/);
  });

  it.each([
    [8, 1, 1],
    [97, 3, 1],
    [130, 2, 4],
    [19_456, 2, 1],
  ])(
    'is what the reference implementation verifies: m=%i, t=%i, p=%i',
    async (memoryKib, passes, parallelism) => {
      const hash = await newHasher({ memoryKib, passes, parallelism }).hash(
        'pässwort\u0000 of words',
      );
      expect(await argon2Verify(hash, 'pässwort\u0000 of words')).toBe(true);
      expect(await argon2Verify(hash, 'pässwort')).toBe(false);
    },
  );
});

describe('verify', () => {
  it('takes the password and nothing near it', async () => {
    const password = 'Four words in a row';
    const hash = await hasher.hash(password);
    expect(await hasher.verify(hash, password)).toBe(true);
    for (const near of [
      '',
      'four words in a row',
      `${password} `,
      ` ${password}`,
      `${password}\n`,
      password.slice(0, -1),
      `${password}!`,
      'Four words in a rоw',
    ]) {
      expect(await hasher.verify(hash, near), JSON.stringify(near)).toBe(false);
    }
  });

  it('tells apart passwords that are alike in their first 72 bytes', async () => {
    const start = 'x'.repeat(72);
    const hash = await hasher.hash(`${start} and more`);
    expect(await hasher.verify(hash, start)).toBe(false);
    expect(await hasher.verify(hash, `${start} and less`)).toBe(false);
    expect(await hasher.verify(hash, `${start} and more`)).toBe(true);
  });

  it('takes every spelling of a character for the same, and other characters for others', async () => {
    const composed = 'Zo\u00eb l\u00e4uft \u1112\u1161\u11ab';
    const hash = await hasher.hash(composed);
    expect(await hasher.verify(hash, composed.normalize('NFD'))).toBe(true);
    expect(await hasher.verify(await hasher.hash(composed.normalize('NFD')), composed)).toBe(true);
    // NFC alone: what only looks alike, or is compatible, is another password
    expect(await hasher.verify(await hasher.hash('\ufb01ne words'), 'fine words')).toBe(false);
    expect(await hasher.verify(await hasher.hash('\uff41bcdefgh'), 'abcdefgh')).toBe(false);
    expect(await hasher.verify(hash, 'Zoe lauft 한')).toBe(false);
  });

  it('says no where there is no hash, without a throw', async () => {
    expect(await hasher.verify(null, 'anything')).toBe(false);
  });

  it.each(['$2a$', '$2b$', '$2y$'])('takes a bcrypt hash that begins with %s', async (prefix) => {
    const hash = (await bcryptHash('four words in a row', 4)).replace('$2b$', prefix);
    expect(await hasher.verify(hash, 'four words in a row')).toBe(true);
    expect(await hasher.verify(hash, 'four words in a rov')).toBe(false);
    expect(hasher.needsRehash(hash)).toBe(true);
  });

  it.each([
    [4, 8, 1],
    [10, 1, 3],
    [1, 8, 2],
    [14, 8, 1],
  ] as [number, number, number][])(
    'takes a scrypt hash with ln=%i, r=%i, p=%i',
    async (...cost) => {
      const hash = scryptHash('four words in a row', cost);
      expect(importProblem(hash)).toBeNull();
      expect(await hasher.verify(hash, 'four words in a row')).toBe(true);
      expect(await hasher.verify(hash, 'four words in a rov')).toBe(false);
      expect(hasher.needsRehash(hash)).toBe(true);
    },
  );

  it('takes the scrypt hash of another library', async () => {
    // the example in the documentation of passlib
    const hash =
      '$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E';
    expect(await hasher.verify(hash, 'password')).toBe(true);
    expect(await hasher.verify(hash, 'passwore')).toBe(false);
  });

  it.each(['m=64,p=2,t=3', 't=3,m=64,p=2', 'p=2,t=3,m=64'])(
    'takes argon2 with %s',
    async (parameters) => {
      const options = { memoryCost: 64, timeCost: 3, parallelism: 2 };
      const made = await argon2Hash('four words in a row', options);
      const hash = made.replace(/m=\d+,t=\d+,p=\d+/, parameters);
      expect(await hasher.verify(hash, 'four words in a row')).toBe(true);
      expect(await hasher.verify(hash, 'four words in a rov')).toBe(false);
    },
  );

  it.each([0, 1, 2] as const)('takes the argon2 hash of type %i', async (type) => {
    const hash = await argon2Hash('four words in a row', {
      type,
      memoryCost: 8,
      timeCost: 1,
      parallelism: 1,
    });
    expect(importProblem(hash)).toBeNull();
    expect(await hasher.verify(hash, 'four words in a row')).toBe(true);
    expect(await hasher.verify(hash, 'four words in a rov')).toBe(false);
  });

  it.each([
    ['memory without end', phc('m=4294967295,t=1,p=1')],
    ['more memory than a login may cost', phc('m=262145,t=1,p=1')],
    ['passes without end', phc('m=8,t=4294967295,p=1')],
    ['lanes without end', phc('m=8192,t=1,p=255')],
    ['less memory than argon2 takes', phc('m=0,t=1,p=1')],
    ['less memory than its lanes take', phc('m=8,t=1,p=4')],
    ['no pass', phc('m=8,t=0,p=1')],
    ['no lane', phc('m=8,t=1,p=0')],
    ['a parameter twice', phc('m=8,m=8,t=1')],
    ['a negative parameter', phc('m=-8,t=1,p=1')],
    ['another version', phc('m=8,t=1,p=1').replace('v=19', 'v=16')],
    ['bcrypt for a day', `$2b$31$${'a'.repeat(53)}`],
    ['bcrypt for a second', `$2b$15$${'a'.repeat(53)}`],
    ['bcrypt that was cut off', '$2b$04$abc'],
    ['plain text', 'four words in a row'],
    ['nothing', ''],
    ['scrypt for a day', scryptHash('x').replace('ln=4', 'ln=31')],
    ['scrypt with blocks without end', scryptHash('x').replace('ln=4,r=8', 'ln=12,r=999')],
    [
      'scrypt with lanes without end',
      scryptHash('x').replace('ln=4', 'ln=15').replace('p=1', 'p=255'),
    ],
    ['scrypt with no lane', scryptHash('x').replace('p=1', 'p=0')],
    ['scrypt with no block', scryptHash('x').replace('r=8', 'r=0')],
    ['scrypt with one element', scryptHash('x').replace('ln=4', 'ln=0')],
    ['scrypt with more elements than its blocks take', scryptHash('x').replace('r=8', 'r=0001')],
    ['scrypt that was cut off', '$scrypt$ln=4,r=8,p=1$abc$def'],
    ['an unknown algorithm', `$sha512$${'a'.repeat(80)}$${'b'.repeat(80)}`],
    ['more characters than the column holds', phc('m=8,t=1,p=1').padEnd(300, 'a')],
  ])('does not compute a planted hash with %s, and says no', async (_what, hash) => {
    expect(importProblem(hash)).not.toBeNull();
    const busyMs = processorWatch();
    expect(await hasher.verify(hash, 'four words in a row')).toBe(false);
    expect(busyMs()).toBeLessThan(500);
  });

  it('goes on answering for unknown accounts after one such answer was OVERLOADED', async () => {
    const pool = createHashPool({ concurrency: 1, queue: 1 });
    const busy = createPasswordHasher(CHEAP, pool);
    // what is made beforehand has been made
    await busy.hash('four words in a row');
    let finish = () => {};
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const flood = [pool.run(() => held), pool.run(() => held)];
    await expect(busy.verify(null, 'x')).rejects.toMatchObject({ code: 'OVERLOADED' });
    finish();
    await Promise.all(flood);
    expect(await busy.verify(null, 'x')).toBe(false);
  });

  it('does the same work for an unknown account as for a known one', async () => {
    const ran: string[] = [];
    const pool = createHashPool({ concurrency: 1, queue: 9 });
    const counted = createPasswordHasher(CHEAP, {
      ...pool,
      run: (work) => {
        ran.push('work');
        return pool.run(work);
      },
    });
    const hash = await counted.hash('four words in a row');
    // the first unknown account has something to compare with made
    await counted.verify(null, 'x');
    for (const stored of [hash, null, phc('m=4294967295,t=1,p=1')]) {
      ran.length = 0;
      await counted.verify(stored, 'wrong');
      expect(ran).toHaveLength(1);
    }
  });
});

describe('needsRehash', () => {
  it('asks for a new hash when cost or algorithm are not the current ones', async () => {
    const hash = await hasher.hash('four words in a row');
    expect(hasher.needsRehash(hash)).toBe(false);
    expect(newHasher({ ...CHEAP, memoryKib: 16 }).needsRehash(hash)).toBe(true);
    expect(newHasher({ ...CHEAP, passes: 2 }).needsRehash(hash)).toBe(true);
    expect(newHasher({ memoryKib: 16, passes: 1, parallelism: 2 }).needsRehash(hash)).toBe(true);
    expect(hasher.needsRehash(phc('m=8,t=1,p=1', 'argon2i'))).toBe(true);
    expect(hasher.needsRehash(phc('m=8,t=1,p=1', 'argon2d'))).toBe(true);
    expect(hasher.needsRehash('no hash at all')).toBe(true);
  });

  it('does not mind the order of the parameters', () => {
    for (const order of ['m=8,t=1,p=1', 'm=8,p=1,t=1', 't=1,p=1,m=8']) {
      expect(hasher.needsRehash(phc(order))).toBe(false);
    }
  });
});
