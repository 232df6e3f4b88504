import { type Account, asking, type Service } from './account.ts';
import { stepAt, totpCode } from './client.ts';

/** Turns TOTP on. @returns whether it is known whether it is on */
export async function enrol(service: Service, account: Account): Promise<boolean> {
  const { password, accessToken: token } = account;
  const enabled = await asking(service, 'enableTotp', { currentPassword: password }, { token });
  if (enabled.type !== 'EnableTotpSuccess') return true;
  const { secret } = enabled.data;
  const step = stepAt(Date.now());
  const code = totpCode(secret, step);
  const confirmed = await asking(service, 'confirmTotp', { code }, { token });
  if (confirmed.type !== 'ConfirmTotpSuccess') return false;
  account.secret = secret;
  account.usedSteps.push({ step, code });
  account.recoveryCodes = confirmed.data.recoveryCodes;
  return true;
}

/** Signs in by the code of this half minute, once. */
export async function useTotpCode(service: Service, account: Account): Promise<void> {
  const { secret, email, password } = account;
  const step = stepAt(Date.now());
  if (secret === undefined || account.usedSteps.some((used) => used.step >= step)) return;
  const { type, data } = await asking(service, 'login', { email, password });
  if (type !== 'MfaRequired') return;
  const code = totpCode(secret, step);
  const completed = await asking(service, 'completeLogin', { challenge: data.challenge, code });
  // in doubt otherwise, and then not presented again
  if (completed.type !== 'LoginSuccess') return void account.usedSteps.push({ step, code: '' });
  account.usedSteps.push({ step, code });
  account.usedChallenges.push(data.challenge);
}
