import { isInputObjectType } from 'graphql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { schema } from '../../src/graphql/schema.ts';
import { newName, PASSWORD, registerUser } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { allMails, kindsTo } from '../support/mailbox.ts';

const EVIL = 'evil.example';
const HEADERS: Record<string, string>[] = [
  { host: EVIL },
  { 'x-forwarded-host': EVIL, 'x-forwarded-proto': 'http', 'x-forwarded-port': '666' },
  { forwarded: `host=${EVIL};proto=http` },
  {
    'x-host': EVIL,
    'x-original-host': EVIL,
    'x-forwarded-server': EVIL,
    'x-http-host-override': EVIL,
  },
  { 'x-original-url': `https://${EVIL}/`, 'x-rewrite-url': `https://${EVIL}/` },
  { origin: `https://${EVIL}`, referer: `https://${EVIL}/reset` },
];

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp({
    env: { PUBLIC_URL: 'https://auth.example.com', TRUSTED_PROXIES: '1' },
  });
});
afterAll(() => app.close());

it.each(HEADERS)('H1: %j leaves no trace in any mail', async (headers) => {
  const user = await registerUser(app);
  const before = (await allMails(app)).length;
  const reset = `mutation { requestPasswordReset(input: { email: "${user.email}" }) { message } }`;
  await app.gql(reset, {}, { headers });
  const email = `${newName()}@example.com`;
  const register = `mutation { register(input: { email: "${email}", password: "${PASSWORD}" }) { __typename } }`;
  await app.gql(register, {}, { headers });
  const change = `mutation { updateProfile(input: { newEmail: "new-${email}", currentPassword: "${PASSWORD}" }) { __typename } }`;
  await app.gql(change, {}, { headers, token: user.accessToken });
  await app.gql(
    'mutation { requestEmailVerification { message } }',
    {},
    {
      headers,
      token: user.accessToken,
    },
  );
  const mails = (await allMails(app)).slice(before);
  expect(mails.length).toBeGreaterThanOrEqual(3);
  expect(await kindsTo(app, user.email)).toContain('reset-password');
  expect(JSON.stringify(mails)).not.toContain(EVIL);
});

it('H2: no argument says where a link or a browser is to go', () => {
  const names = Object.values(schema.getTypeMap()).flatMap((type) =>
    isInputObjectType(type) ? Object.keys(type.getFields()) : [],
  );
  const roots = [schema.getQueryType(), schema.getMutationType()];
  const args = roots.flatMap((root) =>
    Object.values(root?.getFields() ?? {}).flatMap((field) => field.args.map((arg) => arg.name)),
  );
  expect(names.length + args.length).toBeGreaterThan(30);
  expect(
    [...names, ...args].filter((name) => /redirect|url|uri|link|return|callback|next$/i.test(name)),
  ).toEqual([]);
});

it.each([
  `https://auth.example.com@${EVIL}`,
  `//${EVIL}`,
  'javascript:alert(1)',
  `https://${EVIL}/?token=`,
])('H2: %s is no place to be sent to', async (target) => {
  const user = await registerUser(app);
  for (const extra of ['redirectUrl', 'redirect', 'returnTo', 'callbackUrl']) {
    const query = `mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { message } }`;
    const { data, errors } = await app.gql(query, {
      input: { email: user.email, [extra]: target },
    });
    expect(data).toBeUndefined();
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  }
  expect(await kindsTo(app, user.email)).toEqual(['verify-email']);
});
