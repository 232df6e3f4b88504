import { DrizzleQueryError } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import {
  failureAt,
  failureClass,
  isRetryable,
  type Stage,
  UnavailableError,
  verdictOf,
} from '../../src/db/failure.ts';
import { repeating } from '../../src/db/retry.ts';

const server = (errno: number) => Object.assign(new Error('said by the server'), { errno });
const network = (code: string) => Object.assign(new Error('said by the system'), { code });
const wrapped = (cause: Error) => new DrizzleQueryError('update t', ['secret'], cause);

const STAGES: Stage[] = ['connecting', 'reading', 'writing', 'transaction', 'committing'];

it.each([
  ['conflict', [1213, 1205, 3101, 1020]],
  ['refused', [1290, 1836, 1792, 1047, 3032, 3098, 3100, 3797, 1040, 1203, 1226, 1129]],
  ['lost', [1053, 1927, 2006, 2013, 3169, 4031, 1180, 3798, 1969, 3024, 1317]],
  ['final', [1062, 1452, 1045, 1142, 1064, 1146]],
])('takes what the server says for %s', (verdict, errnos) => {
  for (const errno of errnos) {
    expect(verdictOf(server(errno)), String(errno)).toBe(verdict);
    expect(verdictOf(wrapped(server(errno))), String(errno)).toBe(verdict);
  }
});

it.each([
  'ECONNRESET',
  'EPIPE',
  'ECONNREFUSED',
  'ETIMEDOUT',
  'ENOTFOUND',
  'PROTOCOL_CONNECTION_LOST',
])('takes %s for a lost connection', (code) => {
  expect(verdictOf(network(code))).toBe('lost');
  expect(verdictOf(Object.assign(network(code), { errno: -104 }))).toBe('lost');
});

it('takes a statement after the end of its connection, which has no code, for lost with it', () => {
  expect(verdictOf(Object.assign(new Error('closed state'), { fatal: true }))).toBe('lost');
});

it('takes mistakes of its own, and a certificate that is not the server’s, for what they are', () => {
  expect(verdictOf(new Error('a mistake'))).toBe('final');
  expect(verdictOf(network('ERR_TLS_CERT_ALTNAME_INVALID'))).toBe('final');
  expect(verdictOf('no error at all')).toBe('final');
});

describe('work that failed', () => {
  const mayRunAgain = (error: Error) =>
    STAGES.filter((stage) => isRetryable(wrapped(failureAt(stage, error))));

  it('is run again wherever it was undone for somebody else’s', () => {
    for (const errno of [1213, 3101, 1020]) expect(mayRunAgain(server(errno))).toEqual(STAGES);
  });

  it('is run again wherever the server refused it', () => {
    for (const errno of [1290, 1836, 1047, 3100]) {
      expect(mayRunAgain(server(errno))).toEqual(STAGES);
    }
  });

  it('is never run again when a connection was lost and it may have been done', () => {
    const undone = ['connecting', 'reading', 'transaction'];
    for (const error of [network('ECONNRESET'), network('ETIMEDOUT'), server(1053), server(1180)]) {
      expect(mayRunAgain(error)).toEqual(undone);
    }
  });

  it('is not run again when it would only fail again', () => {
    for (const errno of [1062, 1146]) expect(mayRunAgain(server(errno))).toEqual([]);
  });
});

it('says that the database is away, and whether what was asked for may have been done', () => {
  const told = (stage: Stage, error: Error) => {
    const failure = failureAt(stage, error);
    return failure instanceof UnavailableError ? [failure.code, failure.retryAfter] : failure;
  };
  for (const stage of STAGES) {
    const lost = stage === 'committing' ? 'OUTCOME_UNKNOWN' : 'UNAVAILABLE';
    expect(told(stage, network('ECONNRESET')), stage).toEqual([lost, 2]);
    // it said so itself: nothing of it was done
    expect(told(stage, server(1290)), stage).toEqual(['UNAVAILABLE', 2]);
  }
  const duplicate = server(1062);
  expect(told('committing', duplicate)).toBe(duplicate);
});

it('repeats what does no harm, once, and only when nobody can tell whether it was done', async () => {
  const attempts = async (failure: Error) => {
    let count = 0;
    const statement = () => {
      count++;
      return Promise.reject(wrapped(failure));
    };
    await expect(repeating(statement)).rejects.toThrow();
    return count;
  };
  expect(await attempts(failureAt('writing', network('ECONNRESET')))).toBe(2);
  expect(await attempts(failureAt('reading', network('ECONNRESET')))).toBe(1);
  expect(await attempts(failureAt('writing', server(1290)))).toBe(1);
  expect(await attempts(server(1062))).toBe(1);
});

it.each([
  [server(1290), 'read-only'],
  [server(1213), 'deadlock'],
  [server(1047), 'not-ready'],
  [server(1226), 'too-many-connections'],
  [server(1062), 'duplicate-key'],
  [network('ECONNRESET'), 'connection'],
  [network('ETIMEDOUT'), 'timeout'],
  [new Error('a mistake'), 'other'],
])('has a word for %s', (error, word) => {
  expect(failureClass(error)).toBe(word);
  expect(failureClass(failureAt('writing', error))).toBe(word);
});
