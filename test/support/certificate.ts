import { generateKeyPairSync, sign } from 'node:crypto';

/** A self-signed certificate for 127.0.0.1 and its key, as PEM. */
export function createCertificate(
  name: string,
  { from, until } = { from: new Date('2020-01-01'), until: new Date('2049-01-01') },
): { cert: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = der(SEQUENCE, ECDSA_WITH_SHA256);
  const commonName = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8, text(name)))));
  const altName = der(SEQUENCE, der(IP_ADDRESS, Buffer.from([127, 0, 0, 1])));
  const extension = der(SEQUENCE, SUBJECT_ALT_NAME, der(OCTETS, altName));
  const body = der(
    SEQUENCE,
    der(VERSION, der(INTEGER, Buffer.from([2]))),
    der(INTEGER, Buffer.from([1])),
    algorithm,
    commonName,
    der(SEQUENCE, der(UTC_TIME, utcTime(from)), der(UTC_TIME, utcTime(until))),
    commonName,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(EXTENSIONS, der(SEQUENCE, extension)),
  );
  const signature = sign('sha256', body, privateKey);
  const certificate = der(SEQUENCE, body, algorithm, der(BITS, Buffer.from([0]), signature));
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

const [INTEGER, BITS, OCTETS, UTF8, UTC_TIME] = [0x02, 0x03, 0x04, 0x0c, 0x17];
const [SEQUENCE, SET, IP_ADDRESS, VERSION, EXTENSIONS] = [0x30, 0x31, 0x87, 0xa0, 0xa3];
const ECDSA_WITH_SHA256 = Buffer.from('06082a8648ce3d040302', 'hex');
const COMMON_NAME = Buffer.from('0603550403', 'hex');
const SUBJECT_ALT_NAME = Buffer.from('0603551d11', 'hex');

const text = (value: string) => Buffer.from(value, 'ascii');
// 2020-01-02T03:04:05.000Z is 200102030405Z
const utcTime = (at: Date) => text(`${at.toISOString().replace(/\D/g, '').slice(2, 14)}Z`);

/** A DER value: tag, length and content. */
function der(tag: number | undefined, ...content: Buffer[]): Buffer {
  const bytes = Buffer.concat(content);
  const length =
    bytes.length < 128 ? [bytes.length] : [0x82, bytes.length >> 8, bytes.length & 255];
  return Buffer.concat([Buffer.from([tag ?? 0, ...length]), bytes]);
}
