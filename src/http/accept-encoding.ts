/**
 * Whether a client accepts an encoding (RFC 9110, 12.5.3). Quality values above 0 are ignored: for everything this
 * service sends, the same encoding is the smallest.
 *
 * @param accepted the header Accept-Encoding; empty if there is none, which accepts no encoding
 */
export function takesEncoding(accepted: string, encoding: string): boolean {
  const offers = accepted.split(',').map(readOffer);
  // an explicit entry takes precedence over the wildcard
  const offer =
    offers.find(({ name }) => name === encoding) ?? offers.find(({ name }) => name === '*');
  return offer !== undefined && !offer.isRefused;
}

function readOffer(text: string): { name: string; isRefused: boolean } {
  const [name = '', ...parameters] = text.toLowerCase().split(';');
  const isRefused = parameters.some((parameter) => /^\s*q\s*=\s*0(?:\.0*)?\s*$/.test(parameter));
  return { name: name.trim(), isRefused };
}
