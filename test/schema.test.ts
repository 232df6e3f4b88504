import { readFileSync } from 'node:fs';
import {
  buildSchema,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isUnionType,
} from 'graphql';
import { expect, it } from 'vitest';
import { printedSchema } from '../src/graphql/print.ts';
import { schema } from '../src/graphql/schema.ts';
import { RATE_LIMITS } from '../src/rate-limits.ts';

const types = Object.values(schema.getTypeMap()).filter((type) => !type.name.startsWith('__'));

function rootFields(): GraphQLField<unknown, unknown>[] {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  return roots.flatMap((root) => Object.values(root?.getFields() ?? {}));
}

/** Whether a root field says who may use it. Pothos keeps what it was built from; `t.withAuth` leaves its scopes there too. */
function saysWho(field: Pick<GraphQLField<unknown, unknown>, 'extensions'>): boolean {
  const options = field.extensions.pothosOptions;
  const scopes =
    typeof options === 'object' && options !== null && 'authScopes' in options
      ? options.authScopes
      : undefined;
  if (typeof scopes === 'function') return true;
  return typeof scopes === 'object' && scopes !== null && Object.values(scopes).includes(true);
}

it('has a printed copy that is not stale', () => {
  expect(readFileSync('schema.graphql', 'utf8')).toBe(printedSchema());
});

it('says of every root field who may use it', () => {
  const fields = rootFields();
  expect(fields.length).toBeGreaterThan(20);
  expect(fields.filter((field) => !saysWho(field)).map((field) => field.name)).toEqual([]);
});

it('would notice a root field that lost its scopes', () => {
  for (const field of rootFields()) {
    const { authScopes: _, ...options } = field.extensions.pothosOptions as object & {
      authScopes?: unknown;
    };
    expect(saysWho({ extensions: { pothosOptions: options } }), field.name).toBe(false);
    const empty = { pothosOptions: { ...options, authScopes: {} } };
    expect(saysWho({ extensions: empty }), field.name).toBe(false);
  }
});

it('describes every type, field, argument, enum value and input field', () => {
  const silent: string[] = [];
  const note = (path: string, described: { description?: string | null | undefined }) => {
    if (!described.description?.trim()) silent.push(path);
  };
  for (const type of types) {
    if (!['String', 'Int', 'Boolean', 'ID', 'Float'].includes(type.name)) note(type.name, type);
    for (const [path, described] of partsOf(type)) note(path, described);
  }
  expect(silent).toEqual([]);
});

type Described = { description?: string | null | undefined };

function partsOf(type: GraphQLNamedType): [string, Described][] {
  if (isEnumType(type))
    return type.getValues().map((value) => [`${type.name}.${value.name}`, value]);
  if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) return [];
  return Object.values(type.getFields()).flatMap((field) => {
    const path = `${type.name}.${field.name}`;
    const args: readonly GraphQLArgument[] = 'args' in field ? field.args : [];
    return [
      [path, field],
      ...args.map((arg): [string, Described] => [`${path}(${arg.name}:)`, arg]),
    ] as [string, Described][];
  });
}

it('limits only fields that there are, and every one that takes a secret', () => {
  const mutations = schema.getMutationType()?.getFields() ?? {};
  const { dataExport } = (schema.getType('User') as GraphQLObjectType).getFields();
  const { profile } = schema.getQueryType()?.getFields() ?? {};
  const fields = { ...mutations, dataExport, profile };
  expect(Object.keys(RATE_LIMITS).filter((name) => !(name in fields))).toEqual([]);
  const secrets = ['password', 'currentPassword', 'newPassword', 'code', 'refreshToken'];
  const taking = Object.values(mutations).filter((mutation) =>
    mutation.args.some((arg) => {
      const type = schema.getType(String(arg.type).replaceAll(/[![\]]/g, ''));
      const fields = isInputObjectType(type) ? Object.keys(type.getFields()) : [];
      return fields.some((field) => secrets.includes(field));
    }),
  );
  const unlimited = taking.map((field) => field.name).filter((name) => !(name in RATE_LIMITS));
  // an administrator who chooses a first password for somebody guesses nothing
  expect(unlimited).toEqual(['createUser']);
});

it('never shows a secret as a field', () => {
  const secret = /hash|secret|nonce|passw|mac$|salt|lastStep|privateJwk/i;
  const shown = types
    .filter((type) => isObjectType(type) || isInterfaceType(type))
    .flatMap((type) => Object.keys(type.getFields()).map((field) => `${type.name}.${field}`))
    .filter((path) => secret.test(path.split('.')[1] ?? ''))
    // what can be done about one
    .filter((path) => !path.startsWith('Mutation.'));
  // shown once, to the one who enrols
  expect(shown).toEqual(['EnableTotpSuccess.secret']);
});

it('takes from people no field that is not theirs to choose', () => {
  const notTheirs =
    /^(role|status|emailVerified.*|id|userId|.*Hash|totpEnabled|appMetadata|createdAt|sessionId)$/;
  const found = types
    .filter((type) => isInputObjectType(type))
    .flatMap((type) => Object.keys(type.getFields()).map((field) => [type.name, field] as const))
    .filter(([, field]) => notTheirs.test(field))
    .map(([type, field]) => `${type}.${field}`);
  expect(found.sort()).toEqual([
    'CreateUserInput.appMetadata',
    'CreateUserInput.role',
    'UpdateUserInput.appMetadata',
    'UpdateUserInput.id',
    'UpdateUserInput.role',
    'UpdateUserInput.status',
  ]);
});

/** The API that clients rely on: names and shapes here are fixed, there may be more of everything but of a union's members. */
const CONTRACT = buildSchema(/* GraphQL */ `
  scalar DateTime
  scalar JSON
  enum Role { USER ADMIN }
  enum UserStatus { ACTIVE DISABLED }
  enum MfaMethod { TOTP RECOVERY_CODE }
  interface Error { code: ErrorCode! message: String! }
  enum ErrorCode {
    INVALID_INPUT INVALID_CREDENTIALS ACCOUNT_LOCKED ACCOUNT_DISABLED EMAIL_TAKEN USERNAME_TAKEN
    INVALID_CODE INVALID_CHALLENGE INVALID_TOKEN INVALID_REFRESH_TOKEN REFRESH_TOKEN_REUSED
    TOTP_ALREADY_ENABLED TOTP_NOT_ENABLED NOT_FOUND SELF_TARGETED LAST_ADMIN EMAIL_NOT_VERIFIED
  }
  type FieldError { path: String! message: String! }
  type InvalidInput implements Error { code: ErrorCode! message: String! fields: [FieldError!]! }
  type AccountLocked implements Error { code: ErrorCode! message: String! retryAfter: Int! }
  type InvalidCredentials implements Error { code: ErrorCode! message: String! }
  type AccountDisabled implements Error { code: ErrorCode! message: String! }
  type EmailTaken implements Error { code: ErrorCode! message: String! }
  type UsernameTaken implements Error { code: ErrorCode! message: String! }
  type InvalidCode implements Error { code: ErrorCode! message: String! }
  type InvalidChallenge implements Error { code: ErrorCode! message: String! }
  type InvalidToken implements Error { code: ErrorCode! message: String! }
  type InvalidRefreshToken implements Error { code: ErrorCode! message: String! }
  type RefreshTokenReused implements Error { code: ErrorCode! message: String! }
  type TotpAlreadyEnabled implements Error { code: ErrorCode! message: String! }
  type TotpNotEnabled implements Error { code: ErrorCode! message: String! }
  type NotFound implements Error { code: ErrorCode! message: String! }
  type SelfTargeted implements Error { code: ErrorCode! message: String! }
  type LastAdmin implements Error { code: ErrorCode! message: String! }
  type EmailNotVerified implements Error { code: ErrorCode! message: String! }

  type Query { me: User profile(username: String!): PublicProfile admin: Admin }
  type PublicProfile { username: String! displayName: String createdAt: DateTime! }
  type User {
    id: ID! email: String! emailVerified: Boolean! pendingEmail: String username: String
    displayName: String phrase: String role: Role! status: UserStatus! appMetadata: JSON!
    totpEnabled: Boolean! recoveryCodesRemaining: Int! createdAt: DateTime! updatedAt: DateTime!
    lastLoginAt: DateTime sessions: [Session!]!
    auditEvents(first: Int, after: String): AuditEventConnection! dataExport: JSON!
  }
  type Session {
    id: ID! createdAt: DateTime! lastUsedAt: DateTime! expiresAt: DateTime! ipAddress: String
    userAgent: String remembered: Boolean! current: Boolean!
  }
  type Tokens {
    accessToken: String! refreshToken: String! tokenType: String! expiresAt: DateTime!
    refreshExpiresAt: DateTime! deviceToken: String
  }
  type Admin {
    users(first: Int, after: String, search: String, role: Role, status: UserStatus): UserConnection!
    user(id: ID!): User
    auditEvents(first: Int, after: String, userId: ID, type: AuditEventType): AuditEventConnection!
    dashboard: Dashboard!
  }
  enum AuditEventType { REGISTERED }
  type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
  type UserConnection { edges: [UserEdge!]! pageInfo: PageInfo! totalCount: Int! }
  type UserEdge { node: User! cursor: String! }
  type AuditEventConnection { edges: [AuditEventEdge!]! pageInfo: PageInfo! }
  type AuditEventEdge { node: AuditEvent! cursor: String! }
  type AuditEvent {
    id: ID! type: AuditEventType! at: DateTime! userId: ID actorId: ID ipAddress: String
    userAgent: String detail: JSON!
  }
  type Dashboard {
    users: Int! admins: Int! disabledUsers: Int! totpUsers: Int! activeSessions: Int!
    lockedAccounts: Int! registrationsLast24h: Int! loginsLast24h: Int! failedLoginsLast24h: Int!
  }

  type Mutation {
    register(input: RegisterInput!): RegisterResult!
    login(input: LoginInput!): LoginResult!
    completeLogin(input: CompleteLoginInput!): CompleteLoginResult!
    refresh(input: RefreshInput): RefreshResult!
    logout(everywhere: Boolean = false, refreshToken: String): LogoutSuccess!
    revokeSession(id: ID!): RevokeSessionResult!
    updateProfile(input: UpdateProfileInput!): UpdateProfileResult!
    enableTotp(input: EnableTotpInput!): EnableTotpResult!
    confirmTotp(input: ConfirmTotpInput!): ConfirmTotpResult!
    disableTotp(input: DisableTotpInput!): DisableTotpResult!
    regenerateRecoveryCodes(input: RegenerateRecoveryCodesInput!): RegenerateRecoveryCodesResult!
    deleteAccount(input: DeleteAccountInput!): DeleteAccountResult!
    requestPasswordReset(input: RequestPasswordResetInput!): RequestPasswordResetSuccess!
    resetPassword(input: ResetPasswordInput!): ResetPasswordResult!
    requestEmailVerification: RequestEmailVerificationSuccess!
    verifyEmail(input: VerifyEmailInput!): VerifyEmailResult!
    createUser(input: CreateUserInput!): CreateUserResult!
    updateUser(input: UpdateUserInput!): UpdateUserResult!
    deleteUser(id: ID!): DeleteUserResult!
    unlockUser(id: ID!): UnlockUserResult!
    revokeUserSessions(id: ID!): RevokeUserSessionsResult!
    resetUserTotp(id: ID!): ResetUserTotpResult!
  }

  input RegisterInput {
    email: String! password: String! username: String displayName: String phrase: String
    remember: Boolean = false cookies: Boolean = false
  }
  input LoginInput {
    identifier: String! password: String! code: String remember: Boolean = false
    cookies: Boolean = false deviceToken: String
  }
  input CompleteLoginInput { challenge: String! code: String! }
  input RefreshInput { refreshToken: String }
  input UpdateProfileInput {
    username: String displayName: String phrase: String newEmail: String newPassword: String
    currentPassword: String
  }
  input EnableTotpInput { currentPassword: String! }
  input ConfirmTotpInput { code: String! }
  input DisableTotpInput { currentPassword: String! code: String! }
  input RegenerateRecoveryCodesInput { currentPassword: String! code: String! }
  input DeleteAccountInput { confirm: Boolean! currentPassword: String! code: String }
  input RequestPasswordResetInput { email: String! }
  input ResetPasswordInput { token: String! newPassword: String! }
  input VerifyEmailInput { token: String! }
  input CreateUserInput {
    email: String! username: String displayName: String role: Role = USER password: String
    appMetadata: JSON
  }
  input UpdateUserInput { id: ID! role: Role status: UserStatus appMetadata: JSON }

  type RegisterSuccess { user: User! tokens: Tokens }
  union RegisterResult = RegisterSuccess | VerificationSent | InvalidInput | EmailTaken | UsernameTaken
  type VerificationSent { email: String! }
  type LoginSuccess { user: User! tokens: Tokens }
  type MfaRequired { challenge: String! methods: [MfaMethod!]! expiresAt: DateTime! }
  union LoginResult =
    | LoginSuccess | MfaRequired | InvalidCredentials | InvalidCode | AccountLocked | AccountDisabled
    | EmailNotVerified
  union CompleteLoginResult = LoginSuccess | InvalidCode | InvalidChallenge | AccountDisabled
  type RefreshSuccess { user: User! tokens: Tokens }
  union RefreshResult = RefreshSuccess | InvalidRefreshToken | RefreshTokenReused
  type LogoutSuccess { endedSessions: Int! }
  type RevokeSessionSuccess { session: ID! }
  union RevokeSessionResult = RevokeSessionSuccess | NotFound
  type UpdateProfileSuccess { user: User! tokens: Tokens }
  union UpdateProfileResult =
    | UpdateProfileSuccess | InvalidInput | InvalidCredentials | EmailTaken | UsernameTaken
  type EnableTotpSuccess { secret: String! uri: String! qrCode: String! }
  union EnableTotpResult = EnableTotpSuccess | InvalidCredentials | TotpAlreadyEnabled
  type ConfirmTotpSuccess { user: User! recoveryCodes: [String!]! }
  union ConfirmTotpResult = ConfirmTotpSuccess | InvalidCode | TotpNotEnabled | TotpAlreadyEnabled
  type DisableTotpSuccess { user: User! }
  union DisableTotpResult = DisableTotpSuccess | InvalidCredentials | InvalidCode | TotpNotEnabled
  type RegenerateRecoveryCodesSuccess { recoveryCodes: [String!]! }
  union RegenerateRecoveryCodesResult =
    | RegenerateRecoveryCodesSuccess | InvalidCredentials | InvalidCode | TotpNotEnabled
  type DeleteAccountSuccess { id: ID! }
  union DeleteAccountResult =
    | DeleteAccountSuccess | InvalidInput | InvalidCredentials | InvalidCode | LastAdmin
  type RequestPasswordResetSuccess { message: String! }
  type ResetPasswordSuccess { message: String! }
  union ResetPasswordResult = ResetPasswordSuccess | InvalidToken | InvalidInput
  type RequestEmailVerificationSuccess { message: String! }
  type VerifyEmailSuccess { user: User! }
  union VerifyEmailResult = VerifyEmailSuccess | InvalidToken | EmailTaken
  type CreateUserSuccess { user: User! }
  union CreateUserResult = CreateUserSuccess | InvalidInput | EmailTaken | UsernameTaken
  type UpdateUserSuccess { user: User! }
  union UpdateUserResult = UpdateUserSuccess | InvalidInput | NotFound | SelfTargeted | LastAdmin
  type DeleteUserSuccess { id: ID! }
  union DeleteUserResult = DeleteUserSuccess | NotFound | SelfTargeted | LastAdmin
  type UnlockUserSuccess { user: User! }
  union UnlockUserResult = UnlockUserSuccess | NotFound
  type RevokeUserSessionsSuccess { endedSessions: Int! }
  union RevokeUserSessionsResult = RevokeUserSessionsSuccess | NotFound
  type ResetUserTotpSuccess { user: User! }
  union ResetUserTotpResult = ResetUserTotpSuccess | NotFound | SelfTargeted
`);

const promised = Object.values(CONTRACT.getTypeMap()).filter((type) => !type.name.startsWith('__'));

it.each(promised.map((type) => [type.name, type] as const))(
  'keeps the contract of %s',
  (name, type) => {
    const ours = schema.getType(name);
    expect(ours?.constructor.name, `${name} is missing`).toBe(type.constructor.name);
    const [wanted, got] = [shapeOf(type), shapeOf(ours)];
    if (isUnionType(type)) expect(got).toEqual(wanted);
    else expect(got).toEqual(expect.arrayContaining(wanted));
  },
);

/** A type, line by line: what may not change. */
function shapeOf(type: GraphQLNamedType | undefined): string[] {
  if (isEnumType(type)) return type.getValues().map((value) => value.name);
  if (isUnionType(type)) {
    return type
      .getTypes()
      .map((member) => member.name)
      .sort();
  }
  if (isInputObjectType(type)) {
    return Object.values(type.getFields()).map(
      (field) => `${field.name}: ${field.type} = ${JSON.stringify(field.defaultValue)}`,
    );
  }
  if (!isObjectType(type) && !isInterfaceType(type)) return [];
  const interfaces = type.getInterfaces().map((implemented) => `implements ${implemented.name}`);
  const fields = Object.values(type.getFields()).flatMap((field) => [
    `${field.name}: ${field.type}`,
    ...field.args.map(
      (arg) => `${field.name}(${arg.name}: ${arg.type} = ${JSON.stringify(arg.defaultValue)})`,
    ),
  ]);
  return [...interfaces, ...fields];
}

it('asks of nobody an argument or input field that the contract does not know', () => {
  const demanded: string[] = [];
  for (const type of types) {
    const known = CONTRACT.getType(type.name);
    if (known === undefined) continue;
    const [ours, theirs] = [requiredOf(type), requiredOf(known)];
    demanded.push(...ours.filter((input) => !theirs.includes(input)));
  }
  expect(demanded).toEqual([]);
});

function requiredOf(type: GraphQLNamedType): string[] {
  const isRequired = (input: { type: unknown; defaultValue?: unknown }) =>
    String(input.type).endsWith('!') && input.defaultValue === undefined;
  if (isInputObjectType(type)) {
    return Object.values(type.getFields())
      .filter(isRequired)
      .map((field) => `${type.name}.${field.name}`);
  }
  if (!isObjectType(type)) return [];
  return Object.values(type.getFields()).flatMap((field) => {
    if (!(field.name in ((CONTRACT.getType(type.name) as typeof type)?.getFields() ?? {})))
      return [];
    return field.args.filter(isRequired).map((arg) => `${type.name}.${field.name}(${arg.name}:)`);
  });
}
