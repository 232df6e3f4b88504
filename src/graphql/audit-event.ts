import {
  AUDIT_EVENT_TYPES,
  type AuditEvent,
  type AuditEventType,
  isOwnAct,
} from '../records/audit-event.ts';
import { builder } from './builder.ts';
import { connectionObject } from './connection.ts';
import type { Context } from './context.ts';

export const AuditEventTypeEnum = builder.enumType('AuditEventType', {
  description: 'Everything that is put on record.',
  values: Object.fromEntries(
    Object.entries(AUDIT_EVENT_TYPES).map(([type, description]) => [type, { description }]),
  ) as Record<AuditEventType, { description: string }>,
});

/** Only administrators may see from where somebody else acted. */
const isTold = (event: AuditEvent, { viewer }: Context) =>
  viewer?.user.role === 'ADMIN' || isOwnAct(event);

const AuditEventObject = builder.objectRef<AuditEvent>('AuditEvent').implement({
  description: 'Something that happened to an account.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Later events have greater ids.' }),
    type: t.field({
      type: AuditEventTypeEnum,
      description: 'What happened.',
      resolve: (event) => event.type as AuditEventType,
    }),
    at: t.expose('at', { type: 'DateTime', description: 'When.' }),
    userId: t.exposeID('userId', {
      nullable: true,
      description: 'Whose account it concerns; a pseudonym once the account is deleted.',
    }),
    actorId: t.exposeID('actorId', {
      nullable: true,
      description:
        'The account by which it was done. Of a sign-in that failed it is the account that was tried, whoever tried. Null for the operator at the command line, and for what takes no account, such as asking for a link.',
    }),
    sessionId: t.id({
      nullable: true,
      description: 'The session it was done in, or that it concerns.',
      resolve: (event, _args, context) => (isTold(event, context) ? event.sessionId : null),
    }),
    requestId: t.exposeString('requestId', {
      nullable: true,
      description: 'The id of the request, under which the log has more.',
    }),
    ipAddress: t.string({
      nullable: true,
      description: 'Where from. People are not told where an administrator was.',
      resolve: (event, _args, context) => (isTold(event, context) ? event.ipAddress : null),
    }),
    userAgent: t.string({
      nullable: true,
      description: 'What the browser or app said it was; not that of an administrator.',
      resolve: (event, _args, context) => (isTold(event, context) ? event.userAgent : null),
    }),
    detail: t.expose('detail', {
      type: 'JSON',
      description: 'More about it, such as the reason of a failure. Never a secret.',
    }),
  }),
});

export const AuditEventConnectionObject = connectionObject(
  AuditEventObject,
  'AuditEvent',
  'the newest first',
);
