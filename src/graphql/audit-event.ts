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
  description: 'The types of events in the audit log.',
  values: Object.fromEntries(
    Object.entries(AUDIT_EVENT_TYPES).map(([type, description]) => [type, { description }]),
  ) as Record<AuditEventType, { description: string }>,
});

/** Only administrators may see from where somebody else acted. */
const isTold = (event: AuditEvent, { viewer }: Context) =>
  viewer?.user.role === 'ADMIN' || isOwnAct(event);

const AuditEventObject = builder.objectRef<AuditEvent>('AuditEvent').implement({
  description: 'An event in the audit log.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'The id of the event. Later events have greater ids.' }),
    type: t.field({
      type: AuditEventTypeEnum,
      description: 'What happened.',
      resolve: (event) => event.type as AuditEventType,
    }),
    at: t.expose('at', { type: 'DateTime', description: 'When it happened.' }),
    userId: t.exposeID('userId', {
      nullable: true,
      description: 'The account that the event concerns. A pseudonym once the account is deleted.',
    }),
    actorId: t.exposeID('actorId', {
      nullable: true,
      description:
        'The account that acted. For a failed sign-in it is the account that somebody tried to sign in to, whoever that was. Null for the operator at the command line, and for actions that need no account, such as requesting a link.',
    }),
    sessionId: t.id({
      nullable: true,
      description: 'The session in which it happened, or which it concerns.',
      resolve: (event, _args, context) => (isTold(event, context) ? event.sessionId : null),
    }),
    requestId: t.exposeString('requestId', {
      nullable: true,
      description: 'The id of the request. The log of the service has more details under this id.',
    }),
    ipAddress: t.string({
      nullable: true,
      description:
        'The IP address from which it was done. Users do not see it if an administrator acted.',
      resolve: (event, _args, context) => (isTold(event, context) ? event.ipAddress : null),
    }),
    userAgent: t.string({
      nullable: true,
      description:
        'The User-Agent header of the browser or app. Users do not see it if an administrator acted.',
      resolve: (event, _args, context) => (isTold(event, context) ? event.userAgent : null),
    }),
    detail: t.expose('detail', {
      type: 'JSON',
      description: 'Further details, such as the reason for a failure. Never contains a secret.',
    }),
  }),
});

export const AuditEventConnectionObject = connectionObject(
  AuditEventObject,
  'AuditEvent',
  'newest first',
);
