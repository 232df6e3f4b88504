import type { MailMessage } from './message.ts';

/**
 * The link of a message, to the service's own pages: its origin comes from the configuration, never from a request. The
 * token is in the fragment (`#`), which browsers do not send, so it reaches no log, proxy or Referer.
 *
 * @returns `null` for messages without a link
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
