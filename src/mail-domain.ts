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

/** As `identifierKey` makes it. */
const comparedForm = (text: string) => text.normalize('NFKC').toLowerCase().normalize('NFKC');
