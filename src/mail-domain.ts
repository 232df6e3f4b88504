import { domainToASCII, domainToUnicode } from 'node:url';

/**
 * Whether mail to an address goes to the domain that the address is compared by, and is spelled in the one way there is.
 *
 * Mail programs read domains by rules of their own (UTS 46). By those a capital "ẞ" is "ss", where lower case makes "ß" of it:
 * a link that goes to one domain would confirm an address of the other. And marks that nobody sees are nothing, so that one
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
 * An address in its compared form, its domain as people write it: "xn--bcher-kva.example" is how programs write
 * "bücher.example", and mail to both goes to one mailbox.
 */
export function withReadableDomain(compared: string): string {
  const at = compared.lastIndexOf('@') + 1;
  if (at === 0 || compared.length > LONGEST || !compared.includes('xn--', at)) return compared;
  const readable = domainToUnicode(compared.slice(at));
  return readable === '' ? compared : compared.slice(0, at) + comparedForm(readable);
}

// no address is longer, and to decode what is costs more than a glance
const LONGEST = 254;

/** As `identifierKey` makes it, but for domains in the form of programs. */
const comparedForm = (text: string) => text.normalize('NFKC').toLowerCase().normalize('NFKC');
