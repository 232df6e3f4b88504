import fc from 'fast-check';
import { expect, it } from 'vitest';
import { connectionOptions, databaseUrl } from '../../src/db/connection.ts';

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
