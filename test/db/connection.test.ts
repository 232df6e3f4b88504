import fc from 'fast-check';
import { expect, it } from 'vitest';
import { connectionOptions, databaseUrl, placeOf } from '../../src/db/connection.ts';

it('reads back what it wrote, whatever names and password are made of', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(text, text, fc.option(text), (user, password, socketPath) => {
      const parts = { user, password, host: 'db.internal', port: 3307, database: 'latch-key_1' };
      const url = databaseUrl({ ...parts, socketPath: socketPath ?? undefined, tls: undefined });
      // neither a shell nor a file of variables takes anything of it for its own
      expect(url).toMatch(/^[\w:/?&=.@%~*+-]+$/);
      expect(connectionOptions(url, () => '')).toMatchObject({
        user,
        password,
        database: 'latch-key_1',
        ...(socketPath === null ? { host: 'db.internal', port: 3307 } : { socketPath }),
      });
    }),
  );
});

it('writes addresses of IPv6 and the kind of TLS', () => {
  const parts = {
    user: 'a',
    password: 'b',
    port: 3306,
    database: 'latchkey',
    socketPath: undefined,
  };
  const url = databaseUrl({ ...parts, host: '::1', tls: 'on' });
  expect(url).toBe('mysql://a:b@[::1]:3306/latchkey?tls=on');
  expect(connectionOptions(url, () => '')).toMatchObject({ host: '::1', ssl: {} });
});

it('reads several hosts, each with its port, and the password as it is', () => {
  const read = connectionOptions(
    'mysql://u:a%2Cb%40c@db-a:3307,db-b,[::1]:3309/latchkey?tls=on',
    () => '',
  );
  expect(read).toMatchObject({ host: 'db-a', port: 3307, user: 'u', password: 'a,b@c' });
  expect(read.hosts).toEqual([
    { host: 'db-a', port: 3307 },
    { host: 'db-b', port: 3306 },
    { host: '::1', port: 3309 },
  ]);
  expect(placeOf(read)).toBe('db-a:3307, db-b:3306, [::1]:3309');
  expect(connectionOptions('mysql://u:p@db-a/latchkey', () => '')).not.toHaveProperty('hosts');
});

it('writes several hosts', () => {
  const parts = { user: 'a', password: 'b', port: 3307, database: 'latchkey', tls: undefined };
  const url = databaseUrl({ ...parts, host: 'db-a,::1', socketPath: undefined });
  expect(url).toBe('mysql://a:b@db-a:3307,[::1]:3307/latchkey');
  expect(connectionOptions(url, () => '').hosts).toHaveLength(2);
});

it.each([
  ['mysql://u:secret@a,b/latchkey?socketPath=/run/mysql.sock', /several hosts and a socketPath/],
  ['mysql://u:secret@a,,b/latchkey', /a comma and no host/],
  ['mysql://u:secret@a:3306,a/latchkey', /names a host twice/],
  ['mysql://u:secret@a,b:x/latchkey', /is not a URL/],
  ['mysql://u:secret@a,b', /must name a database/],
  ['mysql://root:secret%RET99@h/x', /write % itself as %25/],
  ['mysql://secret%@h/x', /write % itself as %25/],
  ['mysql://root@h/secret%ff', /write % itself as %25/],
])('refuses %s, and repeats none of it', (url, reason) => {
  expect(() => connectionOptions(url, () => '')).toThrow(reason);
  expect(() => connectionOptions(url, () => '')).not.toThrow(/secret/);
});
