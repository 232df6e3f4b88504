/** The token in a message's link. */
export interface LinkToken {
  readonly token: string;
  /** When the token expires, in milliseconds since 1970. */
  readonly expiresAt: number;
}

/** The messages to people, with the data that each one needs. */
export type MailMessage =
  | ({ readonly kind: 'verify-email' } & LinkToken)
  | { readonly kind: 'already-registered' }
  | ({ readonly kind: 'reset-password' } & LinkToken)
  | ({ readonly kind: 'invitation' } & LinkToken)
  /** Sent to the new address. */
  | ({ readonly kind: 'confirm-email-change' } & LinkToken)
  /** Sent to the old address once the new one is in use; the link undoes the change. `null` hides the new address. */
  | ({ readonly kind: 'email-changed'; readonly newEmail: string | null } & LinkToken)
  | { readonly kind: 'password-changed' }
  | { readonly kind: 'totp-enabled' }
  | { readonly kind: 'totp-disabled' }
  | {
      readonly kind: 'new-device';
      readonly ipAddress: string | null;
      readonly userAgent: string | null;
    }
  | { readonly kind: 'refresh-token-reused' }
  | { readonly kind: 'account-deleted' };

export type MailKind = MailMessage['kind'];

/** A message and its recipient, as the outbox keeps it until it is sent. */
export interface Mail {
  readonly to: string;
  /** The recipient's anti-phishing phrase, which proves that the message comes from this service. */
  readonly phrase: string | null;
  /** When the event happened, in milliseconds since 1970. */
  readonly at: number;
  readonly message: MailMessage;
}
