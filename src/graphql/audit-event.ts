import { AUDIT_EVENT_TYPES, type AuditEvent, type AuditEventType } from '../records/audit-event.ts';
import { builder } from './builder.ts';
import { connectionObject } from './connection.ts';

export const AuditEventTypeEnum = builder.enumType('AuditEventType', {
  description: 'Everything that is put on record.',
  values: Object.fromEntries(
    Object.entries(AUDIT_EVENT_TYPES).map(([type, description]) => [type, { description }]),
  ) as Record<AuditEventType, { description: string }>,
});

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
      description: 'Who did it; null for the operator at the command line and for strangers.',
    }),
    ipAddress: t.exposeString('ipAddress', { nullable: true, description: 'Where from.' }),
    userAgent: t.exposeString('userAgent', {
      nullable: true,
      description: 'What the browser or app said it was.',
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
