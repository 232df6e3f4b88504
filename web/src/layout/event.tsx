import type { ReactNode } from 'react';
import type { AuditEventType } from '../generated/account.ts';
import { deviceName } from './device.ts';
import { Badge } from './page.tsx';
import { Time } from './time.tsx';

// titles for the types whose name alone would not read well
const TITLES: Partial<Record<AuditEventType, string>> = {
  LOGIN_SUCCEEDED: 'Signed in',
  LOGIN_FAILED: 'Sign-in failed',
  LOGIN_CHALLENGED: 'Two-factor code requested',
  LOGGED_OUT: 'Signed out',
  REAUTHENTICATION_FAILED: 'Change refused: wrong password or code',
  REFRESH_TOKEN_REUSED: 'Possibly stolen session ended',
  EMAIL_CHANGED: 'E-mail address changed',
  EMAIL_CHANGE_REQUESTED: 'Change of e-mail address requested',
  EMAIL_CHANGE_UNDONE: 'Change of e-mail address undone',
  EMAIL_VERIFICATION_REQUESTED: 'Confirmation link requested',
  EMAIL_VERIFIED: 'E-mail address confirmed',
  PASSWORD_RESET: 'Password set by e-mailed link',
  PASSWORD_RESET_REQUESTED: 'Password reset requested',
  REGISTRATION_REPEATED: 'Someone tried to register this address again',
  SESSION_REVOKED: 'Session ended',
  TOTP_ENROLMENT_STARTED: 'Two-factor authentication setup started',
  TOTP_ENABLED: 'Two-factor authentication turned on',
  TOTP_DISABLED: 'Two-factor authentication turned off',
  RECOVERY_CODES_REGENERATED: 'New recovery codes created',
  USER_CREATED: 'Account created by an administrator',
  USER_ROLE_CHANGED: 'Role changed',
  USER_STATUS_CHANGED: 'Account disabled or enabled',
  USER_METADATA_CHANGED: 'Application metadata changed',
  USER_UNLOCKED: 'Account unlocked',
  USER_SESSIONS_REVOKED: 'All sessions ended by an administrator',
  USER_TOTP_RESET: 'Two-factor authentication reset by an administrator',
};

const ALARMING: ReadonlySet<AuditEventType> = new Set([
  'LOGIN_FAILED',
  'ACCOUNT_LOCKED',
  'REAUTHENTICATION_FAILED',
  'REFRESH_TOKEN_REUSED',
]);

/** The title of an event type: `PASSWORD_CHANGED` becomes "Password changed". */
export function eventTitle(type: AuditEventType): string {
  const words = type.toLowerCase().replaceAll('_', ' ');
  return TITLES[type] ?? words.charAt(0).toUpperCase() + words.slice(1);
}

export interface EventRow {
  id: string;
  type: AuditEventType;
  at: string;
  ipAddress: string | null;
  userAgent: string | null;
  detail: unknown;
}

/** One audit event in a list. */
export function EventItem({ event, children }: { event: EventRow; children?: ReactNode }) {
  const detail = describeDetail(event.detail);
  return (
    <li className="row">
      <div className="row-text">
        <strong>
          {eventTitle(event.type)}{' '}
          {ALARMING.has(event.type) ? <Badge tone="bad">Attention</Badge> : null}
        </strong>
        <span>
          {event.userAgent === null ? null : `${deviceName(event.userAgent)} · `}
          {event.ipAddress ?? 'by the service'}
          {detail === '' ? null : ` · ${detail}`}
        </span>
        {children}
      </div>
      <span className="row-time">
        <Time at={event.at} />
      </span>
    </li>
  );
}

function describeDetail(detail: unknown): string {
  if (typeof detail !== 'object' || detail === null) return '';
  return Object.entries(detail)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');
}
