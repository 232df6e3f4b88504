import { validate as isUuid } from 'uuid';
import { type Dashboard, readDashboard } from '../flows/dashboard.ts';
import { countUsers } from '../flows/user-list.ts';
import { listEvents } from '../records/audit-event.ts';
import { findUser } from '../records/user.ts';
import { listUsers } from '../records/user-list.ts';
import { AuditEventConnectionObject, AuditEventTypeEnum } from './audit-event.ts';
import { builder } from './builder.ts';
import { connectionObject, readPage } from './connection.ts';
import { RoleEnum, UserObject, UserStatusEnum } from './user.ts';
import { readSearchPage } from './user-search.ts';

const SEARCH_LENGTH = 254;

const FIRST = { description: 'How many to return, 1 to 100. Defaults to 20.' } as const;
const AFTER = {
  description:
    'Return the items after this cursor, such as `pageInfo.endCursor` of the previous page.',
} as const;

const USERS = `Users, newest first.

A search returns matches in this order: first users whose e-mail address begins with the text; then those whose username,
display name, last word of the display name, or e-mail domain begins with it; and finally, newest first, those that contain
it anywhere else. Each of the groups before the last is sorted alphabetically. With the role ADMIN or the status DISABLED,
all matches are newest first.

A page of a search examines a limited number of users. If few of very many users contain the text in the middle of a word,
a page may have fewer users than requested, or none, while \`hasNextPage\` is true; \`endCursor\` then continues where the
search stopped.`;

const DashboardObject = builder.objectRef<Dashboard>('Dashboard').implement({
  description:
    'Statistics of the service. They are counted for every request, or at most once a minute if more than 50,000 rows have to be counted.',
  fields: (t) => ({
    asOf: t.expose('asOf', { type: 'DateTime', description: 'When the statistics were counted.' }),
    users: t.exposeInt('users', { description: 'The number of accounts.' }),
    admins: t.exposeInt('admins', { description: 'The number of accounts with the role ADMIN.' }),
    disabledUsers: t.exposeInt('disabledUsers', {
      description: 'The number of disabled accounts.',
    }),
    totpUsers: t.exposeInt('totpUsers', { description: 'The number of accounts with TOTP on.' }),
    activeSessions: t.exposeInt('activeSessions', {
      description: 'The number of active sessions.',
    }),
    lockedAccounts: t.exposeInt('lockedAccounts', {
      description:
        'The number of identifiers and accounts that are currently locked after failed attempts.',
    }),
    registrationsLast24h: t.exposeInt('registrationsLast24h', {
      description: 'The number of accounts created in the last 24 hours.',
    }),
    loginsLast24h: t.exposeInt('loginsLast24h', {
      description: 'The number of sign-ins in the last 24 hours.',
    }),
    failedLoginsLast24h: t.exposeInt('failedLoginsLast24h', {
      description: 'The number of failed sign-ins in the last 24 hours.',
    }),
  }),
});

const UserConnectionObject = connectionObject(
  UserObject,
  'User',
  'newest first, or for a search in the order that `users` describes',
);

builder.objectField(UserConnectionObject, 'totalCount', (t) =>
  t.int({
    description:
      'The total number of users on all pages. It is counted only if requested. For a search, every user has to be examined, which takes seconds if there are millions. Without a search, the number may be up to a minute old.',
    resolve: (page) => page.count?.() ?? page.edges.length,
  }),
);

const AdminObject = builder.objectRef<object>('Admin');

AdminObject.implement({
  description: 'What only administrators can see.',
  authScopes: { admin: true },
  fields: (t) => ({
    users: t.field({
      type: UserConnectionObject,
      description: USERS,
      args: {
        first: t.arg.int(FIRST),
        after: t.arg.string(AFTER),
        search: t.arg.string({
          description:
            'Text that the e-mail address, username or display name contains, ignoring case. There are no wildcards: "%" finds a "%".',
        }),
        role: t.arg({ type: RoleEnum, description: 'Only users with this role.' }),
        status: t.arg({ type: UserStatusEnum, description: 'Only users with this status.' }),
      },
      resolve: async (_admin, { first, after, search, role, status }, context) => {
        const { deps } = context;
        const group = { role: role ?? undefined, status: status ?? undefined };
        const text = search?.trim().slice(0, SEARCH_LENGTH) || undefined;
        const page =
          text === undefined
            ? await readPage({ first, after }, (range) => listUsers(deps.db, group, range))
            : await readSearchPage(context, { first, after }, { ...group, search: text });
        return { ...page, count: () => countUsers(deps, { ...group, search: text }) };
      },
    }),
    user: t.field({
      type: UserObject,
      nullable: true,
      description: 'The user with this id, or null if there is none.',
      args: { id: t.arg.id({ required: true, description: 'The id of the user.' }) },
      resolve: (_admin, { id }, { deps }) => (isUuid(id) ? findUser(deps.db, id) : null),
    }),
    auditEvents: t.field({
      type: AuditEventConnectionObject,
      description: 'The audit log, newest first.',
      args: {
        first: t.arg.int(FIRST),
        after: t.arg.string(AFTER),
        userId: t.arg.id({ description: 'Only events that concern this user.' }),
        type: t.arg({ type: AuditEventTypeEnum, description: 'Only events of this type.' }),
        since: t.arg({ type: 'DateTime', description: 'Only events at or after this time.' }),
        until: t.arg({ type: 'DateTime', description: 'Only events before this time.' }),
      },
      resolve: (_admin, { first, after, ...filter }, { deps: { db } }) => {
        const { userId, type, since, until } = filter;
        const chosen = {
          userId: userId ?? undefined,
          type: type ?? undefined,
          since: since ?? undefined,
          until: until ?? undefined,
        };
        const isNobody = userId != null && !isUuid(userId);
        return readPage({ first, after }, async (page) =>
          isNobody ? [] : listEvents(db, chosen, page),
        );
      },
    }),
    dashboard: t.field({
      type: DashboardObject,
      description: 'Statistics of the service.',
      resolve: (_admin, _args, { deps }) => readDashboard(deps),
    }),
  }),
});

builder.queryField('admin', (t) =>
  t.field({
    type: AdminObject,
    nullable: true,
    description: 'What only administrators can see. For anybody else it is null, with an error.',
    authScopes: { admin: true },
    resolve: () => ({}),
  }),
);
