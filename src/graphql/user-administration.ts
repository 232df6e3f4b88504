import type { Administrator } from '../flows/steps/administration.ts';
import {
  changeUser,
  deleteUser,
  resetUserTotp,
  revokeUserSessions,
  type UserUpdate,
  unlockUser,
} from '../flows/user-administration.ts';
import { createUser } from '../flows/user-creation.ts';
import type { User } from '../records/user.ts';
import { builder } from './builder.ts';
import type { SignedInContext } from './context.ts';
import { asResult, resultUnion } from './result.ts';
import { RoleEnum, UserObject, UserStatusEnum } from './user.ts';

const CreateUserInput = builder.inputType('CreateUserInput', {
  description: 'The new account.',
  fields: (t) => ({
    email: t.string({ required: true, description: 'The e-mail address.' }),
    username: t.string({
      description:
        'A username, which can also be used to sign in: 3 to 32 letters, digits, dots, dashes and underscores, with a letter or digit first and last.',
    }),
    displayName: t.string({ description: 'The display name.' }),
    role: t.field({
      type: RoleEnum,
      defaultValue: 'USER',
      description: 'What the user may do in this service.',
    }),
    password: t.string({
      description:
        'A first password, of `PASSWORD_MIN_LENGTH` to 128 characters. If it is left out, the user is mailed an invitation to choose one, whose link also confirms the address. With a password and REGISTRATION=verify, the user must confirm the address before signing in.',
    }),
    appMetadata: t.field({
      type: 'JSON',
      description:
        'Data of the consuming application, such as its own roles and plans: a JSON object of at most 2,000 bytes.',
    }),
  }),
});

const UpdateUserInput = builder.inputType('UpdateUserInput', {
  description: 'What to change about a user. Fields that are left out stay as they are.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'The id of the user.' }),
    role: t.field({ type: RoleEnum, description: 'What the user may do in this service.' }),
    status: t.field({ type: UserStatusEnum, description: 'Whether the user may sign in.' }),
    appMetadata: t.field({
      type: 'JSON',
      description: 'A JSON object of at most 2,000 bytes, which replaces the current one.',
    }),
  }),
});

function userSuccess<Kind extends string>(kind: Kind, description: string) {
  return builder.objectRef<{ kind: Kind; user: User }>(kind).implement({
    description,
    fields: (t) => ({
      user: t.field({
        type: UserObject,
        description: 'The updated user.',
        resolve: (success) => success.user,
      }),
    }),
  });
}

const CreateUserSuccess = userSuccess('CreateUserSuccess', 'The account was created.');
const UpdateUserSuccess = userSuccess('UpdateUserSuccess', 'The user was changed.');
const UnlockUserSuccess = userSuccess('UnlockUserSuccess', 'The lockouts were lifted.');
const ResetUserTotpSuccess = userSuccess('ResetUserTotpSuccess', 'TOTP is off for this user.');

const DeleteUserSuccess = builder
  .objectRef<{ kind: 'DeleteUserSuccess'; id: string }>('DeleteUserSuccess')
  .implement({
    description: 'The account and all its personal data were deleted.',
    fields: (t) => ({ id: t.exposeID('id', { description: 'The id of the deleted account.' }) }),
  });

const RevokeUserSessionsSuccess = builder
  .objectRef<{ kind: 'RevokeUserSessionsSuccess'; endedSessions: number }>(
    'RevokeUserSessionsSuccess',
  )
  .implement({
    description: 'The user is signed out everywhere.',
    fields: (t) => ({
      endedSessions: t.exposeInt('endedSessions', { description: 'How many sessions were ended.' }),
    }),
  });

const CreateUserResult = resultUnion(
  'CreateUserResult',
  'The result of `createUser`.',
  [CreateUserSuccess],
  ['INVALID_INPUT', 'EMAIL_TAKEN', 'USERNAME_TAKEN'],
);
const UpdateUserResult = resultUnion(
  'UpdateUserResult',
  'The result of `updateUser`.',
  [UpdateUserSuccess],
  ['INVALID_INPUT', 'NOT_FOUND', 'SELF_TARGETED', 'LAST_ADMIN'],
);
const DeleteUserResult = resultUnion(
  'DeleteUserResult',
  'The result of `deleteUser`.',
  [DeleteUserSuccess],
  ['NOT_FOUND', 'SELF_TARGETED', 'LAST_ADMIN'],
);
const UnlockUserResult = resultUnion(
  'UnlockUserResult',
  'The result of `unlockUser`.',
  [UnlockUserSuccess],
  ['NOT_FOUND'],
);
const RevokeUserSessionsResult = resultUnion(
  'RevokeUserSessionsResult',
  'The result of `revokeUserSessions`.',
  [RevokeUserSessionsSuccess],
  ['NOT_FOUND'],
);
const ResetUserTotpResult = resultUnion(
  'ResetUserTotpResult',
  'The result of `resetUserTotp`.',
  [ResetUserTotpSuccess],
  ['NOT_FOUND', 'SELF_TARGETED'],
);

const ID = { required: true, description: 'The id of the user.' } as const;

const administrator = ({ viewer, client }: SignedInContext): Administrator => ({
  userId: viewer.user.id,
  sessionId: viewer.session.id,
  client,
});

const withUser =
  <Kind extends string>(kind: Kind) =>
  (user: User) => ({ kind, user });

builder.mutationFields((t) => ({
  createUser: t.withAuth({ admin: true }).field({
    type: CreateUserResult,
    description:
      'Creates an account, and mails an invitation if no password is given. Administrators only.',
    args: {
      input: t.arg({ type: CreateUserInput, required: true, description: 'The account.' }),
    },
    resolve: (_mutation, { input }, context) =>
      asResult(
        createUser(context.deps, administrator(context), newUser(input)).then(
          withUser('CreateUserSuccess'),
        ),
      ),
  }),
  updateUser: t.withAuth({ admin: true }).field({
    type: UpdateUserResult,
    description:
      'Changes the role, status or application metadata of a user. Administrators cannot change their own role and status. Administrators only.',
    args: {
      input: t.arg({ type: UpdateUserInput, required: true, description: 'The changes.' }),
    },
    resolve: (_mutation, { input }, context) =>
      asResult(
        changeUser(context.deps, administrator(context), userUpdate(input)).then(
          withUser('UpdateUserSuccess'),
        ),
      ),
  }),
  deleteUser: t.withAuth({ admin: true }).field({
    type: DeleteUserResult,
    description: 'Deletes the account of another user. Administrators only.',
    args: { id: t.arg.id(ID) },
    resolve: (_mutation, { id }, context) =>
      asResult(
        deleteUser(context.deps, administrator(context), id).then((deleted) => ({
          kind: 'DeleteUserSuccess' as const,
          id: deleted,
        })),
      ),
  }),
}));

builder.mutationFields((t) => ({
  unlockUser: t.withAuth({ admin: true }).field({
    type: UnlockUserResult,
    description:
      'Lifts every lockout of an account and of its known devices. On their own account, administrators can lift only lockouts from signing in by name, and only once in the time that a lockout lasts; more often results in RATE_LIMITED. Administrators only.',
    args: { id: t.arg.id(ID) },
    resolve: (_mutation, { id }, context) =>
      asResult(
        unlockUser(context.deps, administrator(context), id).then(withUser('UnlockUserSuccess')),
      ),
  }),
  revokeUserSessions: t.withAuth({ admin: true }).field({
    type: RevokeUserSessionsResult,
    description: 'Ends all sessions of a user. Administrators only.',
    args: { id: t.arg.id(ID) },
    resolve: (_mutation, { id }, context) =>
      asResult(
        revokeUserSessions(context.deps, administrator(context), id).then((endedSessions) => ({
          kind: 'RevokeUserSessionsSuccess' as const,
          endedSessions,
        })),
      ),
  }),
  resetUserTotp: t.withAuth({ admin: true }).field({
    type: ResetUserTotpResult,
    description:
      'Turns TOTP off for another user, who has lost phone and recovery codes. Administrators only.',
    args: { id: t.arg.id(ID) },
    resolve: (_mutation, { id }, context) =>
      asResult(
        resetUserTotp(context.deps, administrator(context), id).then(
          withUser('ResetUserTotpSuccess'),
        ),
      ),
  }),
}));

function newUser(input: typeof CreateUserInput.$inferInput) {
  return {
    email: input.email,
    username: input.username ?? null,
    displayName: input.displayName ?? null,
    role: input.role ?? ('USER' as const),
    password: input.password ?? null,
    appMetadata: input.appMetadata ?? {},
  };
}

function userUpdate({ id, role, status, appMetadata }: typeof UpdateUserInput.$inferInput) {
  const update: UserUpdate = { id };
  if (role != null) update.role = role;
  if (status != null) update.status = status;
  if (appMetadata != null) update.appMetadata = appMetadata;
  return update;
}
