import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

/** Two PEM files: the certificate followed by its chain, and the private key. */
export interface CertificateFiles {
  readonly certPath: string;
  readonly keyPath: string;
}

/** A certificate and its private key, as PEM. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** How often the files are polled. A file watcher would miss how Kubernetes updates a mounted secret: by a symlink. */
const LOOK_EVERY_MS = 5000;

/**
 * Reads a certificate and its key, and checks that they belong together.
 *
 * @returns the certificate, or what is wrong; the problem never contains file content
 */
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
 * Polls the files and reports a new certificate once certificate and key match: a key written a moment before its
 * certificate has no effect yet.
 *
 * @param told called with a new certificate, or with what is wrong with the files; once for each, not at every poll
 * @returns stops polling
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
