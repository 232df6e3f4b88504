/**
 * What calls are counted by: client address (IPv6 by its /64), address together with the targeted account, or signed-in
 * user.
 */
type CountedBy = 'address' | 'address and account' | 'user';

export interface Limit {
  /** The limit's name in RATE_LIMITS. */
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
 * limits bound traffic; guessing at one account is stopped by a separate counter (flows/steps/attempt.ts), and flooding
 * one mailbox from many addresses by an allowance per mailbox (flows/steps/mailing.ts).
 */
export const RATE_LIMITS: Readonly<Record<string, readonly Limit[]>> = {
  register: [
    limit('register', 'address', 100),
    limit('register.account', 'address and account', 10),
  ],
  login: [
    limit('login', 'address', 300),
    // password spraying: one password tried on many accounts, slowly enough to pass the limit above
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
  // with a stolen token, each call would allow five more guesses at somebody's password
  unlockUser: [limit('unlockUser', 'user', 30)],
  // people may need a mail a second or third time; more than that is flooding somebody else's mailbox
  requestPasswordReset: [
    limit('requestPasswordReset', 'address', 60),
    limit('requestPasswordReset.account', 'address and account', 5),
  ],
  resetPassword: [limit('resetPassword', 'address', 100)],
  requestEmailVerification: [limit('requestEmailVerification', 'user', 5)],
  verifyEmail: [limit('verifyEmail', 'address', 100)],
  // reads and serialises everything ever recorded about a person
  dataExport: [limit('dataExport', 'user', 5)],
  // enough to look up some people, but not to enumerate all of them by trying names
  profile: [limit('profile', 'user', 300)],
};

/** The names that RATE_LIMITS may use. */
export const RATE_LIMIT_NAMES: ReadonlySet<string> = new Set(
  Object.values(RATE_LIMITS).flatMap((limits) => limits.map(({ name }) => name)),
);
