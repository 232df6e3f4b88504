import {
  type GraphQLArgument,
  type GraphQLField,
  getNamedType,
  isInputObjectType,
  isLeafType,
  isNonNullType,
} from 'graphql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { schema } from '../../src/graphql/schema.ts';
import { countRows, idBytes, registerAdmin, registerUser } from '../support/account.ts';
import { createTestApp, type Sending, type TestApp } from '../support/app.ts';
import { runSql } from '../support/database.ts';

type Access = 'everybody' | 'everybody without bad credentials' | 'users' | 'administrators';

/** Who may use each root field. One that is not listed here fails. */
const ACCESS: Record<string, Access> = {
  'Query.me': 'everybody without bad credentials',
  'Query.profile': 'users',
  'Query.admin': 'administrators',
  'Mutation.register': 'everybody',
  'Mutation.login': 'everybody',
  'Mutation.completeLogin': 'everybody',
  'Mutation.refresh': 'everybody',
  'Mutation.logout': 'everybody',
  'Mutation.revokeSession': 'users',
  'Mutation.updateProfile': 'users',
  'Mutation.enableTotp': 'users',
  'Mutation.confirmTotp': 'users',
  'Mutation.disableTotp': 'users',
  'Mutation.regenerateRecoveryCodes': 'users',
  'Mutation.deleteAccount': 'users',
  'Mutation.requestPasswordReset': 'everybody',
  'Mutation.resetPassword': 'everybody',
  'Mutation.requestEmailVerification': 'users',
  'Mutation.verifyEmail': 'everybody without bad credentials',
  'Mutation.createUser': 'administrators',
  'Mutation.updateUser': 'administrators',
  'Mutation.deleteUser': 'administrators',
  'Mutation.unlockUser': 'administrators',
  'Mutation.revokeUserSessions': 'administrators',
  'Mutation.resetUserTotp': 'administrators',
};

/** What each kind of visitor is told: nothing, or the code of a refusal. */
const ANSWERS = {
  'nobody in particular': {
    everybody: null,
    'everybody without bad credentials': null,
    users: 'UNAUTHENTICATED',
    administrators: 'UNAUTHENTICATED',
  },
  'a bad token': {
    everybody: null,
    'everybody without bad credentials': 'UNAUTHENTICATED',
    users: 'UNAUTHENTICATED',
    administrators: 'UNAUTHENTICATED',
  },
  'a disabled user': {
    everybody: null,
    'everybody without bad credentials': 'UNAUTHENTICATED',
    users: 'UNAUTHENTICATED',
    administrators: 'UNAUTHENTICATED',
  },
  'a disabled administrator': {
    everybody: null,
    'everybody without bad credentials': 'UNAUTHENTICATED',
    users: 'UNAUTHENTICATED',
    administrators: 'UNAUTHENTICATED',
  },
  'a user': {
    everybody: null,
    'everybody without bad credentials': null,
    users: null,
    administrators: 'FORBIDDEN',
  },
  'an administrator': {
    everybody: null,
    'everybody without bad credentials': null,
    users: null,
    administrators: null,
  },
} as const satisfies Record<string, Record<Access, string | null>>;
type Visitor = keyof typeof ANSWERS;

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
const fields = new Map<string, GraphQLField<unknown, unknown>>(
  roots.flatMap((root) =>
    Object.values(root?.getFields() ?? {}).map(
      (field) => [`${root?.name}.${field.name}`, field] as const,
    ),
  ),
);

/** The simplest operation that a field takes. */
function operationOf(path: string, field: GraphQLField<unknown, unknown>): string {
  const kind = path.startsWith('Query.') ? 'query' : 'mutation';
  const required = field.args.filter((arg) => isNonNullType(arg.type));
  const args = required.map((arg) => `${arg.name}: ${sampleOf(arg)}`).join(', ');
  const selection = isLeafType(getNamedType(field.type)) ? '' : '{ __typename }';
  return `${kind} { ${field.name}${args === '' ? '' : `(${args})`} ${selection} }`;
}

function sampleOf({ type }: Pick<GraphQLArgument, 'type'>): string {
  const named = getNamedType(type);
  if (!isInputObjectType(named)) return named.name === 'Boolean' ? 'true' : '"sample"';
  const required = Object.values(named.getFields()).filter((field) => isNonNullType(field.type));
  return `{ ${required.map((field) => `${field.name}: ${sampleOf(field)}`).join(', ')} }`;
}

async function sendingOf(visitor: Visitor): Promise<Sending> {
  if (visitor === 'nobody in particular') return {};
  if (visitor === 'a bad token') return { token: 'x.y.z' };
  const isAdmin = visitor.includes('administrator');
  const user = await (isAdmin ? registerAdmin(app) : registerUser(app));
  if (visitor.includes('disabled')) {
    // its session goes on: the status alone must be enough
    await runSql(app.databaseUrl, "update users set status = 'DISABLED' where id = ?", [
      idBytes(user.id),
    ]);
  }
  return { token: user.accessToken };
}

it('knows of every root field who may use it', () => {
  expect([...fields.keys()].sort()).toEqual(Object.keys(ACCESS).sort());
});

async function ask(path: string, sending: Sending) {
  const field = fields.get(path);
  if (field === undefined) throw new Error(`There is no ${path}`);
  const { data, errors = [] } = await app.gql(operationOf(path, field), {}, sending);
  return { name: field.name, data: data?.[field.name] ?? null, errors, isAnswered: data != null };
}

const visitors = Object.keys(ANSWERS) as Visitor[];

it.each(visitors)('refuses %s everything else, tells why and does nothing', async (visitor) => {
  const sending = await sendingOf(visitor);
  const before = await countRows(app);
  for (const [path, access] of Object.entries(ACCESS)) {
    const code = ANSWERS[visitor][access];
    if (code === null) continue;
    const { name, data, errors } = await ask(path, sending);
    expect(errors, path).toMatchObject([{ path: [name], extensions: { code } }]);
    expect(data, path).toBeNull();
  }
  const denied = await runSql(
    app.databaseUrl,
    "select id from audit_events where type = 'ACCESS_DENIED'",
  );
  const { audit_events: recorded = 0, ...others } = await countRows(app);
  expect({ ...others, audit_events: recorded - denied.length }).toEqual(before);
  await runSql(app.databaseUrl, "delete from audit_events where type = 'ACCESS_DENIED'");
});

it.each(visitors)('lets %s use what is theirs', async (visitor) => {
  for (const [path, access] of Object.entries(ACCESS)) {
    if (ANSWERS[visitor][access] !== null) continue;
    const { errors, isAnswered } = await ask(path, await sendingOf(visitor));
    expect(errors, path).toEqual([]);
    expect(isAnswered, path).toBe(true);
  }
});

it('gives nothing but the signed-in user behind credentials that are good', async () => {
  const user = await registerUser(app);
  const { data } = await app.gql('{ me { id email role } }', {}, { token: user.accessToken });
  expect(data.me).toEqual({ id: user.id, email: user.email, role: 'USER' });
});
