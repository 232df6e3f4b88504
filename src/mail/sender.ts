/** The sender of all mail. */
export interface Sender {
  /** Shown to people, and used as the service's name in the texts. */
  readonly name: string;
  readonly address: string;
}

/**
 * Parses MAIL_FROM: `Example <no-reply@example.com>`, or only the address.
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
