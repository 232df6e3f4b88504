import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressBlock,
  clientAddress,
  NO_TRUSTED_PROXIES,
  parseTrustedProxies,
} from '../../src/http/client-address.ts';

function addressOf(remoteAddress: string, forwardedFor: string | undefined, proxies: string) {
  return clientAddress({ remoteAddress, forwardedFor }, parseTrustedProxies(proxies));
}

const anyAddress = fc.oneof(fc.ipV4(), fc.ipV6());

describe('the address of a client', () => {
  it('is the socket’s when no proxy is trusted, whatever the header says', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.oneof(fc.string(), fc.ipV4()), (socket, forwardedFor) => {
        const source = { remoteAddress: socket, forwardedFor };
        expect(clientAddress(source, NO_TRUSTED_PROXIES)).toBe(socket);
      }),
    );
  });

  it('is what the outermost trusted proxy saw, whatever the client claims', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), anyAddress)), fc.ipV4(), (claims, client) => {
        const one = [...claims, client].join(',');
        expect(addressOf('10.0.0.1', one, '1')).toBe(client);
        expect(addressOf('10.0.0.1', `${one}, 10.0.0.2`, '2')).toBe(client);
        if (client.startsWith('10.')) return;
        expect(addressOf('10.0.0.1', one, '10.0.0.0/8')).toBe(client);
        expect(addressOf('10.0.0.1', `${one}, 10.9.9.9`, '10.0.0.0/8')).toBe(client);
      }),
    );
  });

  it.each([
    ['an untrusted socket', '203.0.113.9', '1.2.3.4', '10.0.0.0/8', '203.0.113.9'],
    ['a chain shorter than the hops', '10.0.0.1', '1.2.3.4', '2', '10.0.0.1'],
    ['a header of nonsense', '10.0.0.1', 'unknown, _hidden', '10.0.0.1', '10.0.0.1'],
    ['nonsense before a trusted one', '10.0.0.1', '1.2.3.4, x, 10.0.0.2', '10.0.0.0/8', '10.0.0.2'],
    ['an empty header', '10.0.0.1', '', '1', '10.0.0.1'],
    ['proxies only', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.0/8', '10.0.0.3'],
    ['an address with a port', '10.0.0.1', '1.2.3.4:5678', '1', '1.2.3.4'],
    ['a bracketed one with a port', '10.0.0.1', '[2001:DB8::1]:5678', '1', '2001:db8::1'],
    ['a mapped proxy', '::ffff:10.0.0.1', '1.2.3.4', '10.0.0.1', '1.2.3.4'],
    ['an IPv6 proxy', '::1', '1.2.3.4', '10.0.0.0/8, ::1', '1.2.3.4'],
    ['a zone', 'fe80::1%eth0', undefined, '', 'fe80::1'],
    ['a closed socket', '', undefined, '', ''],
  ])('for %s', (_what, socket, forwardedFor, proxies, expected) => {
    expect(addressOf(socket, forwardedFor, proxies)).toBe(expected);
  });

  it('has one spelling', () => {
    for (const spelling of ['::ffff:1.2.3.4', '::FFFF:102:304', '0:0:0:0:0:ffff:1.2.3.4']) {
      expect(addressOf(spelling, undefined, '')).toBe('1.2.3.4');
    }
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const spelled = addressOf(address, undefined, '');
        expect(isIP(spelled)).not.toBe(0);
        expect(addressOf(spelled.toUpperCase(), undefined, '')).toBe(spelled);
      }),
    );
  });
});

describe('TRUSTED_PROXIES', () => {
  it.each(['nobody', '10.0.0.0/33', '10.0.0.0/', '::1/129', '10.0.0.1,', '1.2.3', '-1', '10/8/8'])(
    'may not be %j',
    (text) => {
      expect(() => parseTrustedProxies(text)).toThrow(/TRUSTED_PROXIES/);
    },
  );

  it.each(['', '  ', '0'])('trusts nobody when it is %j', (text) => {
    expect(parseTrustedProxies(text)).toEqual(NO_TRUSTED_PROXIES);
  });
});

describe('the block of an address', () => {
  it('is an IPv4 address itself', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(addressBlock(address)).toBe(address);
      }),
    );
    expect(addressBlock('::ffff:1.2.3.4')).toBe('1.2.3.4');
  });

  it('is the same for all of an IPv6 /64 and for no other', () => {
    const groups = fc.array(fc.nat(0xffff), { minLength: 4, maxLength: 4 });
    const text = (all: readonly number[]) => all.map((group) => group.toString(16)).join(':');
    fc.assert(
      fc.property(groups, groups, groups, fc.nat(3), (network, host, other, index) => {
        fc.pre(network.slice(0, 3).some((group) => group !== 0));
        const block = addressBlock(text([...network, ...host]));
        expect(block).toBe(`${text(network)}::/64`);
        expect(addressBlock(text([...network, ...other]))).toBe(block);
        const neighbour = network.with(index, (network[index] ?? 0) ^ 1);
        expect(addressBlock(text([...neighbour, ...host]))).not.toBe(block);
      }),
    );
  });

  it('does not depend on how an address is written', () => {
    expect(addressBlock('2001:db8::1')).toBe('2001:db8:0:0::/64');
    expect(addressBlock('2001:DB8:0:0:ffff::')).toBe('2001:db8:0:0::/64');
    expect(addressBlock('not an address')).toBe('not an address');
  });
});
