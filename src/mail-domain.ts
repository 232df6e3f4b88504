import { domainToASCII, domainToUnicode } from 'node:url';

// no valid address is longer, and decoding a longer domain would only cost time
const LONGEST = 254;

/**
 * A text as it is compared: in Unicode's compatibility form and in lower case. Lower-casing can undo the normalisation and
 * vice versa, hence twice.
 */
export function comparedForm(text: string): string {
  return text.normalize('NFKC').toLowerCase().normalize('NFKC');
}

/**
 * Whether mail to an address goes to the same domain that the address is compared by.
 *
 * Mail programs map domains by rules of their own (UTS 46). They turn a capital "ẞ" into "ss", while lower case makes "ß" of
 * it, so a link mailed to one domain would confirm an address at the other. They also drop invisible characters, so one
 * mailbox would have any number of addresses.
 */
export function leadsToItsDomain(email: string): boolean {
  const domain = email.slice(email.lastIndexOf('@') + 1);
  const compared = comparedForm(domain);
  const sent = domainToASCII(domain);
  return (
    sent !== '' &&
    sent === domainToASCII(compared) &&
    (sent === compared || comparedForm(domainToUnicode(sent)) === compared)
  );
}

/**
 * Decodes the domain of an address in its compared form: "xn--bcher-kva.example" is the encoded form of "bücher.example", and
 * mail to both goes to one mailbox. Anything else is returned as it is.
 */
export function withReadableDomain(compared: string): string {
  const at = compared.lastIndexOf('@') + 1;
  if (at === 0 || compared.length > LONGEST || !compared.includes('xn--', at)) return compared;
  const readable = domainToUnicode(compared.slice(at));
  return readable === '' ? compared : compared.slice(0, at) + comparedForm(readable);
}
