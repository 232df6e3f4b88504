import { RequestError } from '../errors.ts';
import { exportUserData, MOST_EVENTS } from '../flows/data-export.ts';
import { findPublicProfile, type PublicProfile } from '../flows/profile.ts';
import { listEvents } from '../records/audit-event.ts';
import { countRecoveryCodes } from '../records/recovery-code.ts';
import { listSessions } from '../records/session.ts';
import type { Role, User, UserStatus } from '../records/user.ts';
import { AuditEventConnectionObject } from './audit-event.ts';
import { builder } from './builder.ts';
import { readPage } from './connection.ts';
import type { Context } from './context.ts';
import { SessionObject } from './session.ts';

export const RoleEnum = builder.enumType('Role', {
  description:
    'What an account may do in this service. Applications keep their own roles in `appMetadata`.',
  values: {
    USER: { description: 'May manage their own account.' },
    ADMIN: { description: 'May administer all accounts.' },
  } satisfies Record<Role, object>,
});

export const UserStatusEnum = builder.enumType('UserStatus', {
  description: 'Whether an account may be used.',
  values: {
    ACTIVE: { description: 'May sign in.' },
    DISABLED: { description: 'May not sign in, because an administrator disabled the account.' },
  } satisfies Record<UserStatus, object>,
});

const isOwner = (user: User, { viewer }: Context) => viewer?.user.id === user.id;
// links in mails return a user too, to whoever opened them, so only the viewer decides who may see more
const isOwnerOrAdmin = (user: User, context: Context) =>
  isOwner(user, context) || context.viewer?.user.role === 'ADMIN';

export const UserObject = builder.objectRef<User>('User');

UserObject.implement({
  description: 'An account, as its owner and administrators see it.',
  fields: (t) => ({
    id: t.exposeID('id', {
      description: 'The id of the account. It never changes, and is the `sub` of access tokens.',
    }),
    email: t.exposeString('email', { description: 'The e-mail address as it was entered.' }),
    emailVerified: t.boolean({
      description: 'Whether the owner has confirmed that mail to this address reaches them.',
      resolve: (user) => user.emailVerifiedAt !== null,
    }),
    pendingEmail: t.exposeString('pendingEmail', {
      nullable: true,
      description: 'A new address that is not confirmed yet.',
    }),
    username: t.exposeString('username', {
      nullable: true,
      description:
        'A name that can be used to sign in instead of the e-mail address. Other users can see it.',
    }),
    displayName: t.exposeString('displayName', {
      nullable: true,
      description: 'The display name. Other users can see it.',
    }),
    phrase: t.string({
      nullable: true,
      description:
        'The anti-phishing phrase: mail and pages that show it come from this service. Null for anybody except the owner.',
      resolve: (user, _args, context) => (isOwner(user, context) ? user.phrase : null),
    }),
    role: t.expose('role', {
      type: RoleEnum,
      description: 'What the account may do in this service.',
    }),
    status: t.expose('status', {
      type: UserStatusEnum,
      description: 'Whether the account may be used.',
    }),
    appMetadata: t.expose('appMetadata', {
      type: 'JSON',
      description:
        'Data that administrators keep for the consuming application, such as its own roles and plans. Access tokens contain it as `app`.',
    }),
    totpEnabled: t.exposeBoolean('totpEnabled', {
      description: 'Whether signing in requires a TOTP code.',
    }),
    createdAt: t.expose('createdAt', {
      type: 'DateTime',
      description: 'When the account was created.',
    }),
    updatedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'When the account was last changed.',
    }),
    lastLoginAt: t.expose('lastLoginAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When somebody last signed in to the account.',
    }),
  }),
});

builder.objectFields(UserObject, (t) => ({
  recoveryCodesRemaining: t.int({
    description: 'How many recovery codes are left. 0 if TOTP is off.',
    resolve: (user, _args, { deps }) =>
      user.totpEnabled ? countRecoveryCodes(deps.db, user.id) : 0,
  }),
  sessions: t.field({
    type: [SessionObject],
    description: 'The active sessions, newest first. Only for the owner and administrators.',
    authScopes: (user, _args, context) => isOwnerOrAdmin(user, context),
    resolve: (user, _args, { deps }) => listSessions(deps.db, user.id, deps.now()),
  }),
  auditEvents: t.field({
    type: AuditEventConnectionObject,
    description:
      'What happened to the account, newest first. Only for the owner and administrators.',
    authScopes: (user, _args, context) => isOwnerOrAdmin(user, context),
    args: {
      first: t.arg.int({ description: 'How many to return, 1 to 100. Defaults to 20.' }),
      after: t.arg.string({
        description:
          'Return the items after this cursor, such as `pageInfo.endCursor` of the previous page.',
      }),
    },
    resolve: (user, args, { deps }) =>
      readPage(args, (page) => listEvents(deps.db, { userId: user.id }, page)),
  }),
  dataExport: t.field({
    type: 'JSON',
    description: `Everything stored about the owner, without secrets. Only for the owner, and only once per request. It contains the newest ${MOST_EVENTS.toLocaleString('en')} audit events; \`auditEventsTruncated\` tells whether there are more, and \`auditEvents\` pages through all of them.`,
    authScopes: (user, _args, context) => isOwner(user, context),
    resolve: (user, _args, context) => {
      assertFirstExport(context);
      return exportUserData(context.deps, user);
    },
  }),
}));

function assertFirstExport(context: Context): void {
  if (context.hasExported) {
    throw new RequestError('BAD_USER_INPUT', { message: 'Ask for dataExport once in a request.' });
  }
  context.hasExported = true;
}

const PublicProfileObject = builder.objectRef<PublicProfile>('PublicProfile').implement({
  description: 'An account, as other signed-in users see it.',
  fields: (t) => ({
    username: t.exposeString('username', { description: 'The username.' }),
    displayName: t.exposeString('displayName', {
      nullable: true,
      description: 'The display name.',
    }),
    createdAt: t.expose('createdAt', {
      type: 'DateTime',
      description: 'When the account was created.',
    }),
  }),
});

builder.queryFields((t) => ({
  me: t.field({
    type: UserObject,
    nullable: true,
    description:
      'The signed-in user. Null for a request without credentials. Null with the error UNAUTHENTICATED if the credentials are invalid or have expired, so that clients know to refresh.',
    authScopes: { credentialsNotRejected: true },
    resolve: (_query, _args, { viewer }) => viewer?.user ?? null,
  }),
  profile: t.withAuth({ signedIn: true }).field({
    type: PublicProfileObject,
    nullable: true,
    description:
      'What other users may see of the user with this username, or null if there is none.',
    args: {
      username: t.arg.string({ required: true, description: 'The username. Case is ignored.' }),
    },
    resolve: (_query, { username }, { deps }) => findPublicProfile(deps, username),
  }),
}));
