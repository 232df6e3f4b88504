import { expect, it } from 'vitest';
import { AuthError, ERROR_MESSAGES, REQUEST_ERROR_MESSAGES, RequestError } from '../src/errors.ts';

it.each([
  [1, 'Wait 1 second,'],
  [90, 'Wait 90 seconds,'],
  [91, 'Wait 2 minutes,'],
  [900, 'Wait 15 minutes,'],
])('says in words to wait %i seconds', (retryAfter, words) => {
  expect(new AuthError('ACCOUNT_LOCKED', { retryAfter }).message).toContain(words);
});

it('shows people no names of the API', () => {
  const codes = Object.keys(ERROR_MESSAGES) as (keyof typeof ERROR_MESSAGES)[];
  const requestCodes = Object.keys(
    REQUEST_ERROR_MESSAGES,
  ) as (keyof typeof REQUEST_ERROR_MESSAGES)[];
  const messages = [
    ...codes.map((code) => new AuthError(code).message),
    ...requestCodes
      // what only its programmer can mend
      .filter((code) => code !== 'CSRF_REJECTED')
      .map((code) => new RequestError(code).message),
  ];
  for (const message of messages) expect(message).not.toMatch(/[`{}]/);
});
