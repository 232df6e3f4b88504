import { describe, expect, it } from 'vitest';
import { readSender } from '../../src/mail/sender.ts';
import { smtpServer } from '../../src/mail/smtp-url.ts';

const CANARY = 'S3CRET-CANARY';
const read = (url: string, requireTls = true) =>
  smtpServer(url, {
    requireTls,
    readFile: (path) => {
      if (path !== '/ca.pem') throw new Error(`no such file ${path}`);
      return 'PEM';
    },
  });

describe('SMTP_URL', () => {
  it('names host, port, user and password', () => {
    expect(read('smtp://user%40a:p%3Aw@mail.example.com')).toEqual({
      host: 'mail.example.com',
      port: 587,
      secure: false,
      requireTLS: true,
      ignoreTLS: false,
      tls: {},
      auth: { user: 'user@a', pass: 'p:w' },
    });
    expect(read('smtps://mail.example.com')).toMatchObject({ port: 465, secure: true });
    expect(read('smtps://mail.example.com')).not.toHaveProperty('auth');
    expect(read('smtp://[::1]:25')).toMatchObject({ host: '::1', port: 25 });
  });

  it('takes TLS where it must be, and where it is offered otherwise', () => {
    expect(read('smtp://h', false)).toMatchObject({ requireTLS: false, ignoreTLS: false });
    expect(read('smtp://h?tls=on', false)).toMatchObject({ requireTLS: true });
    expect(read('smtp://h?tls=off')).toMatchObject({ requireTLS: false, ignoreTLS: true });
    expect(read('smtp://h?tls=insecure')).toMatchObject({
      requireTLS: true,
      tls: { rejectUnauthorized: false },
    });
    expect(read('smtps://h?tls=/ca.pem')).toMatchObject({ tls: { ca: 'PEM' } });
  });

  it.each([
    CANARY,
    `http://${CANARY}@h`,
    `smtp://u:${CANARY}@h/path`,
    `smtp://u:${CANARY}@h?x=1`,
    `smtps://u:${CANARY}@h?tls=off`,
    `smtp://u:${CANARY}%ZZ@h`,
    'smtp://',
  ])('is refused without being repeated (%#)', (url) => {
    expect(() => read(url)).toThrow(TypeError);
    expect(() => read(url)).not.toThrow(CANARY);
  });
});

it.each([
  ['Example <no-reply@example.com>', { name: 'Example', address: 'no-reply@example.com' }],
  ['"Ex, ample" <a@b.example>', { name: 'Ex, ample', address: 'a@b.example' }],
  ['no-reply@example.com', { name: '', address: 'no-reply@example.com' }],
  ['<a@b>', { name: '', address: 'a@b' }],
  ['Example', null],
  ['Example <no-reply@example.com> x', null],
  ['Ex\r\nBcc: x@y.z <a@b.c>', null],
  ['a@b.c, d@e.f', null],
  ['a b@c.d', null],
])('MAIL_FROM %j', (text, sender) => {
  expect(readSender(text)).toEqual(sender);
});
