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
    'What an account may do in this service; an application keeps its own roles in appMetadata.',
  values: {
    USER: { description: 'May manage their own account.' },
    ADMIN: { description: 'May administer all accounts.' },
  } satisfies Record<Role, object>,
});

export const UserStatusEnum = builder.enumType('UserStatus', {
  description: 'Whether an account may be used.',
  values: {
    ACTIVE: { description: 'May sign in.' },
    DISABLED: { description: 'May not sign in; an administrator has disabled it.' },
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
    id: t.exposeID('id', { description: 'Never changes, and is the `sub` of access tokens.' }),
    email: t.exposeString('email', { description: 'The e-mail address, as it was typed.' }),
    emailVerified: t.boolean({
      description: 'Whether the owner has shown that mail to this address reaches them.',
      resolve: (user) => user.emailVerifiedAt !== null,
    }),
    pendingEmail: t.exposeString('pendingEmail', {
      nullable: true,
      description: 'A new address that waits for its confirmation.',
    }),
    username: t.exposeString('username', {
      nullable: true,
      description: 'The name to sign in by instead of the e-mail address; others may see it.',
    }),
    displayName: t.exposeString('displayName', {
      nullable: true,
      description: 'The name to show; others may see it.',
    }),
    phrase: t.string({
      nullable: true,
      description:
        'The anti-phishing phrase: mail and pages that show it come from this service. Null for anybody but its owner.',
      resolve: (user, _args, context) => (isOwner(user, context) ? user.phrase : null),
    }),
    role: t.expose('role', { type: RoleEnum, description: 'What the account may do here.' }),
    status: t.expose('status', { type: UserStatusEnum, description: 'Whether it may be used.' }),
    appMetadata: t.expose('appMetadata', {
      type: 'JSON',
      description:
        'What administrators keep for the consuming application, such as its own roles and plans. The access token carries it as `app`.',
    }),
    totpEnabled: t.exposeBoolean('totpEnabled', {
      description: 'Whether signing in takes a TOTP code.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
    lastLoginAt: t.expose('lastLoginAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When somebody last signed in to it.',
    }),
  }),
});

builder.objectFields(UserObject, (t) => ({
  recoveryCodesRemaining: t.int({
    description: 'How many recovery codes are left; 0 without TOTP.',
    resolve: (user, _args, { deps }) =>
      user.totpEnabled ? countRecoveryCodes(deps.db, user.id) : 0,
  }),
  sessions: t.field({
    type: [SessionObject],
    description: 'The live sessions, the newest first. For the owner and administrators.',
    authScopes: (user, _args, context) => isOwnerOrAdmin(user, context),
    resolve: (user, _args, { deps }) => listSessions(deps.db, user.id, deps.now()),
  }),
  auditEvents: t.field({
    type: AuditEventConnectionObject,
    description:
      'What happened to the account, the newest first. For the owner and administrators.',
    authScopes: (user, _args, context) => isOwnerOrAdmin(user, context),
    args: {
      first: t.arg.int({ description: 'How many at the most: 1 to 100, 20 unless told.' }),
      after: t.arg.string({ description: 'The cursor to go on after.' }),
    },
    resolve: (user, args, { deps }) =>
      readPage(args, (page) => listEvents(deps.db, { userId: user.id }, page)),
  }),
  dataExport: t.field({
    type: 'JSON',
    description: `Everything stored about the owner, without secrets. Its owner only, and once in a request. Of what is on record it holds the newest ${MOST_EVENTS.toLocaleString('en')} events, and says in \`auditEventsTruncated\` whether there are more; \`auditEvents\` pages through all.`,
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
  description: 'An account, as other signed-in people see it.',
  fields: (t) => ({
    username: t.exposeString('username', { description: 'The username.' }),
    displayName: t.exposeString('displayName', {
      nullable: true,
      description: 'The name to show.',
    }),
    createdAt: t.expose('createdAt', {
      type: 'DateTime',
      description: 'Since when they are here.',
    }),
  }),
});

builder.queryFields((t) => ({
  me: t.field({
    type: UserObject,
    nullable: true,
    description:
      'The signed-in user. Null for a request without credentials; null with the error UNAUTHENTICATED for one whose credentials are bad or have expired, so that clients know to refresh.',
    authScopes: { credentialsNotRejected: true },
    resolve: (_query, _args, { viewer }) => viewer?.user ?? null,
  }),
  profile: t.withAuth({ signedIn: true }).field({
    type: PublicProfileObject,
    nullable: true,
    description: 'What others may see of the user with this username, or null when there is none.',
    args: { username: t.arg.string({ required: true, description: 'The username, in any case.' }) },
    resolve: (_query, { username }, { deps }) => findPublicProfile(deps, username),
  }),
}));
