import { Kind, parse, validate } from 'graphql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXAMPLE_OPERATIONS } from '../../src/graphql/examples.ts';
import { schema } from '../../src/graphql/schema.ts';
import { registerAdmin } from '../support/account.ts';
import { createTestApp, type TestApp } from '../support/app.ts';

let app: TestApp;
let token: string;
beforeAll(async () => {
  app = await createTestApp();
  token = (await registerAdmin(app)).accessToken;
});
afterAll(() => app.close());

const operations = EXAMPLE_OPERATIONS.flatMap((tab) =>
  parse(tab).definitions.map((definition) => {
    if (definition.kind !== Kind.OPERATION_DEFINITION)
      throw new Error('Tabs hold operations only.');
    return [definition.name?.value ?? '', tab] as const;
  }),
);

it('are the main flows', () => {
  expect(operations.map(([name]) => name)).toEqual([
    ...['Register', 'Login', 'Me', 'Refresh', 'Forgot', 'Choose', 'EnableTotp', 'ConfirmTotp'],
    ...['CompleteLogin', 'UpdateProfile', 'VerifyEmail'],
    ...['Logout', 'RevokeSession', 'Admin', 'UpdateUser'],
  ]);
});

it.each(operations)('%s is run as it stands in its tab', async (operationName, query) => {
  expect(validate(schema, parse(query))).toEqual([]);
  // signing out would leave the others without a session
  const sending = operationName === 'Logout' ? {} : { token };
  const { data, errors } = await (await app.post({ query, operationName }, sending)).json();
  expect(errors).toBeUndefined();
  expect(Object.values(data).every((result) => result !== null)).toBe(true);
});
