import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Config } from '../../config.ts';
import { readCertificate } from '../../http/certificate.ts';
import { NO_TRUSTED_PROXIES, parseTrustedProxies } from '../../http/client-address.ts';
import { type Finding, findingsOf } from './finding.ts';

const DAY_MS = 86_400_000;
const WORTH_TELLING_DAYS = 14;

const certificateFinding = findingsOf('certificate');

/**
 * If the service terminates TLS itself, checks how long its certificate is valid, and whether it covers the host of
 * PUBLIC_URL.
 *
 * @param config `null` if it is invalid; an unusable certificate file is then among its problems
 */
export function checkCertificate(config: Config | null, now: Date): Finding[] {
  if (config?.https === undefined) return [];
  const read = readCertificate(config.https);
  if ('problem' in read) return [];
  const certificate = new X509Certificate(read.certificate.cert);
  return [judgeValidity(certificate, now), ...judgeName(certificate, config)];
}

/** Browsers reject a certificate that does not cover the host name in the URL. */
export function judgeName(
  certificate: X509Certificate,
  { publicUrl, trustedProxies }: Pick<Config, 'publicUrl' | 'trustedProxies'>,
): Finding[] {
  // browsers see the certificate of the proxy in front
  if (parseTrustedProxies(trustedProxies) !== NO_TRUSTED_PROXIES) return [];
  const host = new URL(publicUrl).hostname.replace(/^\[|\]$/g, '');
  const isNamed =
    isIP(host) === 0
      ? certificate.checkHost(host, { subject: 'never' })
      : certificate.checkIP(host);
  if (isNamed !== undefined) return [];
  const names = certificate.subjectAltName ?? 'no name';
  return [
    certificateFinding.warning(
      `It is for ${names}, but not for ${host}, the host of PUBLIC_URL: browsers refuse it.`,
      `Have one issued for ${host}, or correct PUBLIC_URL; if there is a proxy in front, set TRUSTED_PROXIES.`,
    ),
  ];
}

/** Whether the certificate is valid now, and will be for a while. */
export function judgeValidity({ validFrom, validTo }: X509Certificate, now: Date): Finding {
  const [begin, end] = [new Date(validFrom), new Date(validTo)];
  const [from, until] = [begin.toISOString(), end.toISOString()];
  const mend =
    'Renew it; a running service loads new files at HTTPS_CERT_PATH and HTTPS_KEY_PATH by itself.';
  if (end <= now)
    return certificateFinding.broken(`It expired at ${until}: nobody can connect.`, mend);
  if (begin > now) {
    return certificateFinding.broken(
      `It is valid only from ${from}: nobody can connect before.`,
      'Set the clock of this machine by NTP, or wait.',
    );
  }
  const daysLeft = Math.floor((end.getTime() - now.getTime()) / DAY_MS);
  const left = `${daysLeft} ${daysLeft === 1 ? 'day' : 'days'} from now`;
  // a certificate for one week is typically renewed halfway through
  const lifeDays = (end.getTime() - begin.getTime()) / DAY_MS;
  if (daysLeft < Math.min(WORTH_TELLING_DAYS, lifeDays / 3)) {
    return certificateFinding.warning(`It expires at ${until}, ${left}.`, mend);
  }
  return certificateFinding.ok(`It is valid until ${until}, ${left}.`);
}
