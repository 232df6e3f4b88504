import { expect, it } from 'vitest';
import { checkConfiguration } from '../../../src/cli/diagnosis/configuration.ts';
import { checkNames } from '../../../src/cli/diagnosis/variable-names.ts';

it.each([
  ['CORS_ORIGIN', 'CORS_ORIGINS'],
  ['SMTP_URLS', 'SMTP_URL'],
  ['DATABASEURL', 'DATABASE_URL'],
  ['COOKIE_SAMESITES', 'COOKIE_SAMESITE'],
  ['PUBLIC_URI', 'PUBLIC_URL'],
  ['UTH_SECRET', 'AUTH_SECRET'],
])('names %s, which is almost %s, and not its value', (name, meant) => {
  const [found, ...more] = checkNames({ [name]: 'the value' });
  expect(more).toEqual([]);
  expect(found).toMatchObject({
    check: 'configuration',
    status: 'warning',
    message: expect.stringMatching(`^${name} is set, .* It has ${meant}\\.$`),
  });
  expect(JSON.stringify(found)).not.toContain('the value');
});

it('leaves alone what is ours, and what only looks a little like it', () => {
  const others = { PATH: '', HOME: '', HOSTS: '', POST: '', REDIS_HOST: '', SMTP_HOST: '' };
  expect(checkNames({ ...others, CORS_ORIGINS: '', METRICS_PORT: '' })).toEqual([]);
});

it('is told by doctor, whether or not the service would start', () => {
  for (const PORT of ['4000', 'none']) {
    const { findings } = checkConfiguration({ PORT, CORS_ORIGIN: 'https://app.example.com' });
    expect(findings.map(({ message }) => message).join()).toContain('It has CORS_ORIGINS');
  }
});
