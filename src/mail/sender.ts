/** Whom mail is from. */
export interface Sender {
  /** Shown to people, and the name of the service in the texts. */
  readonly name: string;
  readonly address: string;
}

/**
 * Reads a MAIL_FROM: `Example <no-reply@example.com>`, or the address alone.
 *
 * @returns `null` when it is neither
 */
export function readSender(text: string): Sender | null {
  const [, name = '', inBrackets, alone] =
    /^(?:([^<>]*)<([^<>]+)>|([^<>]+))$/.exec(text.trim()) ?? [];
  const address = (inBrackets ?? alone ?? '').trim();
  const isAddress =
    /^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
  if (!isAddress.test(address) || /\p{Cc}/u.test(name) || name.length > 100) return null;
  return { name: name.trim().replace(/^"(.*)"$/, '$1'), address };
}
