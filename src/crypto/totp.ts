import { createGuardrails, generateSecret, generateURI, verifySync } from 'otplib';
import { encodeQR } from 'qr';

const SECRET_BYTES = 20;
const STEP_SECONDS = 30;
const guardrails = createGuardrails({ MIN_SECRET_BYTES: SECRET_BYTES });

/** A new TOTP secret: 160 random bits in base32, as RFC 4226 recommends. */
export function createTotpSecret(): string {
  return generateSecret({ length: SECRET_BYTES });
}

/**
 * Finds the time step that a code belongs to (RFC 6238, SHA-1, six digits, 30 seconds). The steps before and after the
 * current one count too, for clocks that drift.
 *
 * @param code as typed; spaces between the digits are allowed
 * @param now the service's time, which a client cannot influence
 * @returns the step, or `null`. The caller must take the step by a conditional UPDATE, so that it is used only once.
 */
export function totpStep(secret: string, code: string, now: Date): number | null {
  const token = parseTotpCode(code);
  if (token === null) return null;
  const result = verifySync({
    secret,
    token,
    epoch: Math.floor(now.getTime() / 1000),
    epochTolerance: STEP_SECONDS,
    period: STEP_SECONDS,
    guardrails,
  });
  return result.valid && 'timeStep' in result ? result.timeStep : null;
}

/** Six ASCII digits, or `null`. Authenticator apps never show the digits of other scripts. */
export function parseTotpCode(text: string): string | null {
  if (text.length > 16) return null;
  const code = text.replaceAll(' ', '');
  return /^[0-9]{6}$/.test(code) ? code : null;
}

/** What an authenticator app needs: an otpauth:// URI, and its QR code as a data URI. */
export function totpEnrolment(
  secret: string,
  issuer: string,
  label: string,
): { uri: string; qrCode: string } {
  const uri = generateURI({ issuer, label, secret, period: STEP_SECONDS });
  const gif = encodeQR(uri, 'gif', { ecc: 'medium', scale: 5, border: 4 });
  return { uri, qrCode: `data:image/gif;base64,${Buffer.from(gif).toString('base64')}` };
}
