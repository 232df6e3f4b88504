import type { MailMessage } from './message.ts';

/**
 * The link of a message, on the pages of the service itself: its origin is configured, and never taken from a request.
 * The token is behind the `#`, which browsers send nobody, so that it reaches no log, no proxy and no Referer.
 *
 * @returns `null` for messages that have none
 */
export function linkOf(message: MailMessage, publicUrl: string): string | null {
  switch (message.kind) {
    case 'verify-email':
    case 'confirm-email-change':
      return `${publicUrl}/verify-email#token=${message.token}`;
    case 'reset-password':
      return `${publicUrl}/reset-password#token=${message.token}`;
    case 'invitation':
      return `${publicUrl}/accept-invitation#token=${message.token}`;
    case 'email-changed':
      return `${publicUrl}/undo-email-change#token=${message.token}`;
    default:
      return null;
  }
}
