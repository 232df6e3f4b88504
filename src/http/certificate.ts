import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

/** The files of a certificate: PEM, the chain behind the certificate itself. */
export interface CertificateFiles {
  readonly certPath: string;
  readonly keyPath: string;
}

/** A certificate and its private key, as PEM. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** How often the files are looked at. Watching them misses how Kubernetes changes a mounted secret: by another link. */
const LOOK_EVERY_MS = 5000;

/** Reads a certificate and its key and makes sure that they belong together. @returns what is wrong, never a content */
export function readCertificate(
  files: CertificateFiles,
): { certificate: Certificate } | { problem: string } {
  const cert = read(files.certPath);
  if (cert === undefined) return { problem: 'HTTPS_CERT_PATH names a file that cannot be read' };
  const key = read(files.keyPath);
  if (key === undefined) return { problem: 'HTTPS_KEY_PATH names a file that cannot be read' };
  try {
    new X509Certificate(cert);
  } catch {
    return { problem: 'HTTPS_CERT_PATH names a file that holds no certificate in PEM' };
  }
  try {
    createSecureContext({ cert, key });
  } catch {
    return {
      problem:
        'HTTPS_KEY_PATH names a file that does not hold the unencrypted private key, in PEM, of the certificate',
    };
  }
  return { certificate: { cert, key } };
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Looks at the files again and again, and hands over what is new in them once it is whole: a key that was written a moment
 * before its certificate changes nothing yet.
 *
 * @param told of a new certificate, or of what is wrong with the files; once for each, however often they are looked at
 * @returns what stops it
 */
export function watchCertificate(
  files: CertificateFiles,
  current: Certificate,
  told: { renewed: (certificate: Certificate) => void; broken: (problem: string) => void },
  everyMs = LOOK_EVERY_MS,
): () => void {
  let used = current;
  let knownProblem: string | undefined;
  const timer = setInterval(() => {
    const found = readCertificate(files);
    if ('problem' in found) {
      if (found.problem !== knownProblem) told.broken(found.problem);
      knownProblem = found.problem;
      return;
    }
    knownProblem = undefined;
    const { cert, key } = found.certificate;
    if (cert.equals(used.cert) && key.equals(used.key)) return;
    used = found.certificate;
    told.renewed(used);
  }, everyMs).unref();
  return () => clearInterval(timer);
}
