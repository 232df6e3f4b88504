/** What the link of a message carries. */
export interface LinkToken {
  readonly token: string;
  /** Until when it is good, in milliseconds since 1970. */
  readonly expiresAt: number;
}

/** What is written to people, and what each message has to say beside its occasion. */
export type MailMessage =
  | ({ readonly kind: 'verify-email' } & LinkToken)
  | { readonly kind: 'already-registered' }
  | ({ readonly kind: 'reset-password' } & LinkToken)
  | ({ readonly kind: 'invitation' } & LinkToken)
  /** To the new address. */
  | ({ readonly kind: 'confirm-email-change' } & LinkToken)
  /** To the old address, once the new one is in force; the link undoes it. `null`: it does not say which the new one is. */
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

/** A message with its address: what the outbox keeps until it is sent. */
export interface Mail {
  readonly to: string;
  /** The recipient's anti-phishing phrase, which proves where the message is from. */
  readonly phrase: string | null;
  /** When it happened, in milliseconds since 1970. */
  readonly at: number;
  readonly message: MailMessage;
}
