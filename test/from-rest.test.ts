import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSchema, type GraphQLObjectType } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Listener, listen } from '../src/http/listen.ts';
import { registerUser, setRole, totpCode } from './support/account.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { tokenTo } from './support/mailbox.ts';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const DOCUMENT = readFileSync(`${REPOSITORY}docs/from-rest.md`, 'utf8');
const BLOCKS = [...DOCUMENT.matchAll(/^```sh rest\n([\s\S]*?)^```$/gm)].map(
  ([, text = '']) => text,
);

let app: TestApp;
let listener: Listener;

beforeAll(async () => {
  app = await createTestApp();
  listener = await listen(app.app.handler, { host: '127.0.0.1', port: 0, securityHeaders: {} });
  const password = 'another four words here';
  const grace = await registerUser(app, { username: 'grace', password });
  await setRole(app, grace, 'ADMIN');
});
afterAll(async () => {
  await listener.close(0);
  await app.close();
});

/** A shell into which blocks are pasted one after the other. */
function openShell() {
  const shell = spawn('bash', ['-u'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  let done = () => {};
  shell.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.includes('=== done')) done();
  });
  return {
    /** @returns the answers that were printed */
    // biome-ignore lint/suspicious/noExplicitAny: tests read whatever they asked for
    async paste(block: string): Promise<any[]> {
      output = '';
      const finished = new Promise<void>((resolve) => {
        done = resolve;
      });
      // answers do not end in a new line
      shell.stdin.write(`${block.replaceAll(/^(curl .*)$/gm, '$1; echo')}\necho "=== done"\n`);
      await finished;
      const lines = output.split('\n').filter((line) => line !== '' && line !== '=== done');
      return lines.map((line) => JSON.parse(line));
    },
    close: () => shell.stdin.end(),
  };
}

/** What people read off their phone or out of a mail, for the place in a block where it is typed. */
async function typed(block: string, secret: string): Promise<string> {
  if (block.includes('CODE=123456')) {
    app.clock.advance(30);
    return block.replace('CODE=123456', `CODE=${totpCode(secret, app.clock.now())}`);
  }
  const mails = {
    'from-the-reset-link': () => tokenTo(app, 'ada@example.com', 'reset-password'),
    'from-the-confirmation-link': () => tokenTo(app, 'ada@example.org', 'confirm-email-change'),
  };
  for (const [placeholder, token] of Object.entries(mails)) {
    if (block.includes(placeholder)) return block.replace(placeholder, await token());
  }
  // mails of one moment have no order
  app.clock.advance(1);
  return block;
}

describe('docs/from-rest.md', () => {
  it('has lines that work when pasted, one after the other', async () => {
    const shell = openShell();
    const outcomes: string[] = [];
    let secret = '';
    for (const block of BLOCKS) {
      const local = block.replace(
        'http://localhost:4000',
        `http://127.0.0.1:${listener.address.port}`,
      );
      for (const answer of await shell.paste(await typed(local, secret))) {
        expect(answer.errors, block).toBeUndefined();
        const [[field, result]] = Object.entries<Record<string, string>>(
          answer.data ?? { '': answer },
        ) as [[string, Record<string, string>]];
        if (result.secret) secret = result.secret;
        outcomes.push(result.__typename ?? field);
      }
    }
    shell.close();
    expect(outcomes).toEqual([
      ...['RegisterSuccess', 'LoginSuccess', 'me', '', '', 'RefreshSuccess'],
      ...['me', 'UpdateProfileSuccess', 'profile', 'UpdateProfileSuccess'],
      ...['EnableTotpSuccess', 'ConfirmTotpSuccess', 'LoginSuccess'],
      ...['RegenerateRecoveryCodesSuccess', 'DisableTotpSuccess'],
      ...['RequestPasswordResetSuccess', 'ResetPasswordSuccess', 'LoginSuccess'],
      ...['UpdateProfileSuccess', 'RequestEmailVerificationSuccess', 'VerifyEmailSuccess'],
      ...['me', 'RevokeSessionSuccess', 'LogoutSuccess', 'me', 'DeleteAccountSuccess'],
      ...['CreateUserSuccess', 'admin', 'admin', 'admin', 'UpdateUserSuccess', 'UnlockUserSuccess'],
      ...['RevokeUserSessionsSuccess', 'ResetUserTotpSuccess', 'DeleteUserSuccess'],
    ]);
  }, 120_000);

  it('names every field of the schema, in the table and in a line', () => {
    const schema = buildSchema(readFileSync(`${REPOSITORY}schema.graphql`, 'utf8'));
    const table = DOCUMENT.slice(0, DOCUMENT.indexOf('```'));
    for (const root of ['Query', 'Mutation', 'Admin']) {
      for (const name of Object.keys((schema.getType(root) as GraphQLObjectType).getFields())) {
        expect(table).toMatch(new RegExp(`\`[^\`]*\\b${name}\\b[^\`]*\``));
        expect(BLOCKS.join('\n')).toMatch(new RegExp(`\\b${name}\\b *[({]`));
      }
    }
  });
});
