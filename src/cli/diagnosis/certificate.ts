import { X509Certificate } from 'node:crypto';
import type { Config } from '../../config.ts';
import { readCertificate } from '../../http/certificate.ts';
import { type Finding, findingsOf } from './finding.ts';

const DAY_MS = 86_400_000;
const WORTH_TELLING_DAYS = 14;

const certificate = findingsOf('certificate');

/**
 * Checks for how long the certificate is still good, where the service ends TLS itself.
 *
 * @param config absent while it is not valid; a file that cannot be used is among what is wrong with it
 */
export function checkCertificate(config: Config | null, now: Date): Finding[] {
  if (config?.https === undefined) return [];
  const read = readCertificate(config.https);
  return 'problem' in read ? [] : [judgeCertificate(read.certificate.cert, now)];
}

/** @param cert as PEM; of a chain, the first is the service's own */
export function judgeCertificate(cert: Buffer | string, now: Date): Finding {
  const { validFrom, validTo } = new X509Certificate(cert);
  const [begin, end] = [new Date(validFrom), new Date(validTo)];
  const [from, until] = [begin.toISOString(), end.toISOString()];
  const mend =
    'Renew it; a service that runs takes new files at HTTPS_CERT_PATH and HTTPS_KEY_PATH by itself.';
  if (end <= now) return certificate.broken(`It ended at ${until}: nobody connects.`, mend);
  if (begin > now) {
    return certificate.broken(
      `It is good from ${from} only: nobody connects before.`,
      'Set the clock of this machine by NTP, or wait.',
    );
  }
  const daysLeft = Math.floor((end.getTime() - now.getTime()) / DAY_MS);
  const left = `${daysLeft} ${daysLeft === 1 ? 'day' : 'days'} from now`;
  // one that lives for a week is renewed in the middle of it
  const lifeDays = (end.getTime() - begin.getTime()) / DAY_MS;
  if (daysLeft < Math.min(WORTH_TELLING_DAYS, lifeDays / 3)) {
    return certificate.warning(`It ends at ${until}, ${left}.`, mend);
  }
  return certificate.ok(`It is good until ${until}, ${left}.`);
}
