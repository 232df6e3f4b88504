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

const FIRST = { description: 'How many at the most: 1 to 100, 20 unless told.' } as const;
const AFTER = { description: 'The cursor to go on after.' } as const;

const USERS = `Users, the newest first.

A search gives first those whose e-mail address begins with the text, then those whose username, display name, last word
of the display name, or e-mail domain does, each in its own order, and then, the newest first, those that hold it anywhere
else. With the role ADMIN or the status DISABLED it gives the newest first. A page looks at a limited number of users: where
few of very many hold the text in the middle of a word, it may hold fewer than asked for, or none, while \`hasNextPage\` is
true; \`endCursor\` then goes on from where it stopped looking.`;

const DashboardObject = builder.objectRef<Dashboard>('Dashboard').implement({
  description:
    'The service in figures. They are counted at each call; where more than 50,000 rows have to be counted, at most once a minute.',
  fields: (t) => ({
    asOf: t.expose('asOf', { type: 'DateTime', description: 'When they were counted.' }),
    users: t.exposeInt('users', { description: 'Accounts.' }),
    admins: t.exposeInt('admins', { description: 'Accounts with the role ADMIN.' }),
    disabledUsers: t.exposeInt('disabledUsers', { description: 'Disabled accounts.' }),
    totpUsers: t.exposeInt('totpUsers', { description: 'Accounts with TOTP on.' }),
    activeSessions: t.exposeInt('activeSessions', { description: 'Live sessions.' }),
    lockedAccounts: t.exposeInt('lockedAccounts', {
      description: 'Identifiers and accounts that are locked now after failed attempts.',
    }),
    registrationsLast24h: t.exposeInt('registrationsLast24h', {
      description: 'Accounts created in the last 24 hours.',
    }),
    loginsLast24h: t.exposeInt('loginsLast24h', { description: 'Sign-ins in the last 24 hours.' }),
    failedLoginsLast24h: t.exposeInt('failedLoginsLast24h', {
      description: 'Failed sign-ins in the last 24 hours.',
    }),
  }),
});

const UserConnectionObject = connectionObject(
  UserObject,
  'User',
  'the newest first; those of a search as `users` tells',
);

builder.objectField(UserConnectionObject, 'totalCount', (t) =>
  t.int({
    description:
      'How many there are in all. It is counted only when it is asked for: a search by looking at every user, which takes seconds where there are millions. Without a search it is at most a minute old.',
    resolve: (page) => page.count?.() ?? page.edges.length,
  }),
);

const AdminObject = builder.objectRef<object>('Admin');

AdminObject.implement({
  description: 'What administrators can see.',
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
            'Text that the e-mail address, username or display name holds, in any case. Nothing in it stands for anything else: "%" finds a "%".',
        }),
        role: t.arg({ type: RoleEnum, description: 'Only those with this role.' }),
        status: t.arg({ type: UserStatusEnum, description: 'Only those with this status.' }),
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
      description: 'The user with this id, or null.',
      args: { id: t.arg.id({ required: true, description: 'The id.' }) },
      resolve: (_admin, { id }, { deps }) => (isUuid(id) ? findUser(deps.db, id) : null),
    }),
    auditEvents: t.field({
      type: AuditEventConnectionObject,
      description: 'Everything on record, the newest first.',
      args: {
        first: t.arg.int(FIRST),
        after: t.arg.string(AFTER),
        userId: t.arg.id({ description: 'Only what concerns this user.' }),
        type: t.arg({ type: AuditEventTypeEnum, description: 'Only events of this type.' }),
        since: t.arg({ type: 'DateTime', description: 'Only what happened then or later.' }),
        until: t.arg({ type: 'DateTime', description: 'Only what happened before then.' }),
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
      description: 'The service in figures.',
      resolve: (_admin, _args, { deps }) => readDashboard(deps),
    }),
  }),
});

builder.queryField('admin', (t) =>
  t.field({
    type: AdminObject,
    nullable: true,
    description: 'What administrators can see. Administrators only.',
    authScopes: { admin: true },
    resolve: () => ({}),
  }),
);
