/** Who is counted: an address (IPv6 by its /64), an address together with the account it aims at, or a signed-in user. */
type CountedBy = 'address' | 'address and account' | 'user';

export interface Limit {
  /** What RATE_LIMITS calls it. */
  name: string;
  by: CountedBy;
  max: number;
  windowMs: number;
}

const MINUTE_MS = 60_000;

const limit = (name: string, by: CountedBy, max: number, minutes = 15): Limit => ({
  name,
  by,
  max,
  windowMs: minutes * MINUTE_MS,
});

/**
 * How often each field may be called. Every call of a resolver counts, so that aliases and batches gain nothing. These
 * are limits of traffic; what stops guessing at one account is its own counter (flows/steps/attempt.ts), and what keeps a
 * mailbox from being filled from many addresses its own allowance (flows/steps/mailing.ts).
 */
export const RATE_LIMITS: Readonly<Record<string, readonly Limit[]>> = {
  register: [
    limit('register', 'address', 100),
    limit('register.account', 'address and account', 10),
  ],
  login: [
    limit('login', 'address', 300),
    // one password tried on many accounts, slowly enough for the limit above
    limit('login.spray', 'address', 5000, 24 * 60),
    limit('login.account', 'address and account', 60),
  ],
  completeLogin: [limit('completeLogin', 'address', 100)],
  refresh: [limit('refresh', 'address', 3000)],
  updateProfile: [limit('updateProfile', 'user', 100)],
  enableTotp: [limit('enableTotp', 'user', 30)],
  confirmTotp: [limit('confirmTotp', 'user', 30)],
  disableTotp: [limit('disableTotp', 'user', 30)],
  regenerateRecoveryCodes: [limit('regenerateRecoveryCodes', 'user', 30)],
  deleteAccount: [limit('deleteAccount', 'user', 30)],
  // each gives five guesses at somebody's password, were the token stolen
  unlockUser: [limit('unlockUser', 'user', 30)],
  // of each mail that one person may want there may be a second and a third; more is for somebody else's mailbox
  requestPasswordReset: [
    limit('requestPasswordReset', 'address', 60),
    limit('requestPasswordReset.account', 'address and account', 5),
  ],
  resetPassword: [limit('resetPassword', 'address', 100)],
  requestEmailVerification: [limit('requestEmailVerification', 'user', 5)],
  verifyEmail: [limit('verifyEmail', 'address', 100)],
  // all that was ever put on record about somebody, read and written out
  dataExport: [limit('dataExport', 'user', 5)],
  // a few people to look at, and not all there are by trying names
  profile: [limit('profile', 'user', 300)],
};

/** What RATE_LIMITS may name. */
export const RATE_LIMIT_NAMES: ReadonlySet<string> = new Set(
  Object.values(RATE_LIMITS).flatMap((limits) => limits.map(({ name }) => name)),
);
