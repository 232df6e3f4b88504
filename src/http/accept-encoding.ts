/**
 * Whether a client takes an encoding of an answer (RFC 9110, 12.5.3). Which of several it would rather have does not matter: all
 * that there is to say is smallest in the same one.
 *
 * @param accepted the header Accept-Encoding; empty, where there is none, it asks for no encoding
 */
export function takesEncoding(accepted: string, encoding: string): boolean {
  const offers = accepted.split(',').map(readOffer);
  // what is named counts, and not what is said of all the others
  const offer =
    offers.find(({ name }) => name === encoding) ?? offers.find(({ name }) => name === '*');
  return offer !== undefined && !offer.isRefused;
}

function readOffer(text: string): { name: string; isRefused: boolean } {
  const [name = '', ...parameters] = text.toLowerCase().split(';');
  const isRefused = parameters.some((parameter) => /^\s*q\s*=\s*0(?:\.0*)?\s*$/.test(parameter));
  return { name: name.trim(), isRefused };
}
