import { domainToASCII } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { logIn, newName, PASSWORD, REGISTER } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
import { deliverOnce, mailEnv, storedMails, writeMail } from '../support/outbox.ts';

// What sends mail reads a domain by the rules of UTS 46. Where they make another one of it than that under which the address is
// compared, a link goes to one domain and confirms the address of another; and of one mailbox there are any number of addresses.

let server: MailServer;
let app: TestApp;
beforeAll(async () => {
  server = await startMailServer();
  app = await createTestApp({ env: mailEnv(server.port) });
});
afterAll(async () => {
  await app.close();
  await server.close();
});
beforeEach(async () => {
  server.received.length = 0;
  await runSql(app.databaseUrl, 'delete from outbox');
});

async function register(email: string): Promise<string> {
  const { data } = await app.gql(REGISTER, { input: { email, password: PASSWORD } });
  return data.register.__typename;
}

const elsewhere: [string, string][] = [
  // compared as "straße", sent to "strasse"
  ['a capital sharp s', 'straẞe.example'],
  // compared with the sigma that ends words, sent with the other, which is another domain
  ['a capital sigma at an end', 'ΑΣ-ΑΣ.example'],
  ['a number of an address', '127.0x1'],
];
const oneMailbox: [string, string][] = [
  ['a variation selector', 'exam\uFE0Fple.example'],
  ['another one', 'exam\u{E0101}ple.example'],
  ['a combining grapheme joiner', 'exam\u034Fple.example'],
  ['a Mongolian variation selector', 'exam\u180Bple.example'],
];

describe.each([...elsewhere, ...oneMailbox])('a domain with %s', (_what, domain) => {
  it('is refused', async () => {
    expect(await register(`${newName()}@${domain}`)).toBe('InvalidInput');
  });

  it('is not written to, should it have been stored before', async () => {
    const email = `${newName()}@${domain}`;
    await writeMail(app, { kind: 'password-changed' }, { email });
    await deliverOnce(app);
    expect(server.received).toEqual([]);
    expect((await storedMails(app)).at(-1)).toMatchObject({ state: 'FAILED' });
  });
});

it.each([
  'example.com',
  'Example.COM',
  'bücher.example',
  'BÜCHER.example',
  'b\u0075\u0308cher.example',
  'xn--bcher-kva.example',
  'straße.example',
  'ασ.example',
  'ας.example',
  'İstanbul.example',
  '例子.example',
])('the domain %s is written to, and no other', async (domain) => {
  const email = `${newName()}@${domain}`;
  expect(await register(email)).toBe('RegisterSuccess');
  await deliverOnce(app);
  const compared = domain.normalize('NFKC').toLowerCase();
  const domains = server.received.flatMap(({ to }) => to.map((one) => one.split('@')[1] ?? ''));
  expect(domains.map(domainToASCII)).toEqual([domainToASCII(compared)]);
});

it.each(['ad\uFE0Fa', 'ad\u034Fa', 'ada\u17B4'])(
  'a local part with a mark that nobody sees is refused (%j)',
  async (local) => {
    expect(await register(`${local}@example.com`)).toBe('InvalidInput');
  },
);

it('a domain as people write it and as programs do is one, of one account', async () => {
  const local = newName();
  const email = `${local}@xn--bcher-kva.example`;
  const spellings = [email, `${local}@bücher.example`, `${local}@XN--BCHER-KVA.example`];
  for (const [index, spelling] of spellings.entries()) {
    expect(await register(spelling)).toBe(index === 0 ? 'RegisterSuccess' : 'EmailTaken');
    expect((await logIn(app, { identifier: spelling })).__typename).toBe('LoginSuccess');
  }
});

it.each(['xn--a.example', 'xn--\uFFFDe.example', `${'xn--bcher-kva.'.repeat(20)}example`])(
  'a domain that only looks like one of programs is nobody (%s)',
  async (domain) => {
    const answer = await logIn(app, { identifier: `${newName()}@${domain}` });
    expect(answer.code).toBe('INVALID_CREDENTIALS');
  },
);
