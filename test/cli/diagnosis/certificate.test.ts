import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { judgeName, judgeValidity } from '../../../src/cli/diagnosis/certificate.ts';
import { createCertificate } from '../../support/certificate.ts';

const DAY_MS = 86_400_000;
const now = new Date('2026-11-20T12:00:00Z');
const inDays = (days: number) => new Date(now.getTime() + days * DAY_MS);

it.each([
  ['is good for long', [-30, 60], 'ok', 'until 2027-01-19T12:00:00.000Z, 60 days'],
  ['ends within two weeks', [-80, 9.5], 'warning', ' 9 days from now'],
  ['ended', [-90, -1], 'broken', 'It expired at 2026-11-19'],
  ['is not good yet', [1, 90], 'broken', 'from 2026-11-21'],
  // which never has two weeks left
  ['lives for a week, and was renewed in time', [-3, 4], 'ok', ' 4 days from now'],
  ['lives for a week, and was not', [-6, 1], 'warning', ' 1 day from now'],
] as const)('judges a certificate that %s', (_what, [from, until], status, words) => {
  const { cert } = createCertificate('doctor', { from: inDays(from), until: inDays(until) });
  expect(judgeValidity(new X509Certificate(cert), now)).toMatchObject({
    check: 'certificate',
    status,
    message: expect.stringContaining(words),
  });
});

describe('the name in a certificate', () => {
  const certificate = new X509Certificate(createCertificate('auth.example.com').cert);
  const judged = (publicUrl: string, trustedProxies = '') =>
    judgeName(certificate, { publicUrl, trustedProxies });

  it('is where PUBLIC_URL has browsers come', () => {
    expect(judged('https://127.0.0.1:4000')).toEqual([]);
  });

  it('is looked at where TRUSTED_PROXIES says that there is no proxy', () => {
    expect(judged('https://auth.example.com', '0')).toMatchObject([{ status: 'warning' }]);
  });

  it.each([
    // the subject's own name, at which browsers do not look
    ['https://auth.example.com', 'auth.example.com'],
    ['https://127.0.0.2', '127.0.0.2'],
    ['https://[::1]:8443', '::1'],
  ])('is not %s', (publicUrl, host) => {
    const message = `It is for IP Address:127.0.0.1, but not for ${host}, the host of PUBLIC_URL`;
    expect(judged(publicUrl)).toMatchObject([
      { status: 'warning', message: expect.stringContaining(message) },
    ]);
  });

  it('is nobody’s business behind a proxy', () => {
    expect(judged('https://auth.example.com', '10.0.0.0/8')).toEqual([]);
  });
});
