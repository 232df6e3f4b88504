import { BlockList, isIP, isIPv4, isIPv6, SocketAddress } from 'node:net';

/**
 * The proxies whose X-Forwarded-For entries are trusted: none, a fixed number of them in front of the service, or those
 * with listed addresses.
 */
export type TrustedProxies =
  | { readonly kind: 'none' }
  | { readonly kind: 'hops'; readonly count: number }
  | { readonly kind: 'listed'; readonly addresses: BlockList };

/** Trusts no proxy: the client is the other end of the socket. */
export const NO_TRUSTED_PROXIES: TrustedProxies = { kind: 'none' };

/**
 * Parses TRUSTED_PROXIES: empty, a number of proxies (`1`), or addresses and CIDR blocks separated by commas
 * (`10.0.0.0/8, ::1`).
 *
 * @throws on anything else
 */
export function parseTrustedProxies(text: string): TrustedProxies {
  const value = text.trim();
  if (value === '' || value === '0') return NO_TRUSTED_PROXIES;
  if (/^\d{1,2}$/.test(value)) return { kind: 'hops', count: Number(value) };
  const addresses = new BlockList();
  for (const entry of value.split(',')) addTo(addresses, entry.trim());
  return { kind: 'listed', addresses };
}

/** Whether `parseTrustedProxies` accepts the text. */
export function isTrustedProxies(text: string): boolean {
  try {
    parseTrustedProxies(text);
    return true;
  } catch {
    return false;
  }
}

function addTo(addresses: BlockList, entry: string): void {
  const [host = '', prefix, ...rest] = entry.split('/');
  const address = parseAddress(host);
  const bits = address !== undefined && isIPv4(address) ? 32 : 128;
  const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
  if (address === undefined || rest.length > 0 || length < 0 || length > bits) {
    throw new Error(
      `TRUSTED_PROXIES: "${entry}" is neither an IP address, a CIDR block nor a number of proxies`,
    );
  }
  addresses.addSubnet(address, length, bits === 32 ? 'ipv4' : 'ipv6');
}

/**
 * The address of the client behind the trusted proxies. X-Forwarded-For is read from its end, because only what trusted
 * proxies appended is reliable; entries that a client forged are never reached. If the header is malformed or too
 * short, the result is the last address that is trustworthy.
 */
export function clientAddress(
  source: { readonly remoteAddress: string; readonly forwardedFor: string | undefined },
  trusted: TrustedProxies,
): string {
  const socket = parseAddress(source.remoteAddress) ?? source.remoteAddress;
  if (trusted.kind === 'none' || source.forwardedFor === undefined) return socket;
  const entries = source.forwardedFor.split(',');
  if (trusted.kind === 'hops') {
    // Fewer entries than proxies: the request bypassed them, and its client wrote the header.
    const entry = entries[entries.length - trusted.count];
    return (entry === undefined ? undefined : parseAddress(entry)) ?? socket;
  }
  let address = socket;
  for (let i = entries.length - 1; i >= 0 && isListed(address, trusted.addresses); i--) {
    const next = parseAddress(entries[i] ?? '');
    if (next === undefined) break;
    address = next;
  }
  return address;
}

/**
 * Whether a request claims to be forwarded but does not come from a trusted proxy: either a client forges the header,
 * or TRUSTED_PROXIES lacks a proxy. With a number of proxies this cannot be determined.
 */
export function isForwardedByStranger(
  source: {
    readonly remoteAddress: string;
    readonly headers: Readonly<Record<string, string | undefined>>;
  },
  trusted: TrustedProxies,
): boolean {
  const { headers } = source;
  const isForwarded =
    headers['x-forwarded-for'] !== undefined ||
    headers['x-real-ip'] !== undefined ||
    headers.forwarded !== undefined;
  if (!isForwarded || trusted.kind === 'hops') return false;
  const socket = parseAddress(source.remoteAddress);
  return trusted.kind === 'none' || socket === undefined || !isListed(socket, trusted.addresses);
}

function isListed(address: string, addresses: BlockList): boolean {
  if (isIPv4(address)) return addresses.check(address, 'ipv4');
  return isIPv6(address) && addresses.check(address, 'ipv6');
}

/**
 * The unit that rate limits count by: an IPv4 address, or the /64 of an IPv6 address, because a single customer usually
 * controls all of it.
 */
export function addressBlock(address: string): string {
  const parsed = parseAddress(address);
  if (parsed === undefined || isIPv4(parsed)) return parsed ?? address;
  const groups = groupsOf(parsed);
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/**
 * Normalises an address: without port, brackets or zone, IPv4-mapped IPv6 as IPv4, other IPv6 shortened and in lower
 * case. Undefined for what is not an address.
 */
function parseAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  const host = withoutPort(text.trim());
  const version = isIP(host);
  if (version === 4) return host;
  if (version !== 6) return undefined;
  const { address } = new SocketAddress({ address: host, family: 'ipv6' });
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text);
  const host = bracketed?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(text)?.[1] ?? text;
  return host.split('%', 1)[0] ?? host;
}

/** The eight 16-bit groups of a valid IPv6 address. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const left = numbersOf(head);
  const right = numbersOf(tail ?? '');
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}

function numbersOf(part: string): number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}
