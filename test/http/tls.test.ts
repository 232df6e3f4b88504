import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { Agent, type RequestOptions, request } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type SecureVersion, type TLSSocket } from 'node:tls';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { ConfigError } from '../../src/config-error.ts';
import { type Certificate, readCertificate, watchCertificate } from '../../src/http/certificate.ts';
import { createCertificate } from '../support/certificate.ts';
import { sendRaw, startServer, until } from './raw-connection.ts';

const folder = mkdtempSync(join(tmpdir(), 'latchkey-tls-'));
afterAll(() => rmSync(folder, { recursive: true }));

const certPath = join(folder, 'cert.pem');
const keyPath = join(folder, 'key.pem');
const files = { certPath, keyPath };

function write({ cert, key }: { cert: string; key: string }): Certificate {
  writeFileSync(certPath, cert);
  writeFileSync(keyPath, key);
  return { cert: Buffer.from(cert), key: Buffer.from(key) };
}

/** Asks for /health. @returns the answer's status, and the name in the certificate */
function ask(
  port: number,
  options: RequestOptions = {},
): Promise<{ status: number; name: string }> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { host: '127.0.0.1', port, path: '/health', rejectUnauthorized: false, ...options },
      (response) => {
        const { subject } = (response.socket as TLSSocket).getPeerCertificate();
        response
          .resume()
          .on('end', () => resolve({ status: response.statusCode ?? 0, name: String(subject.CN) }));
      },
    );
    asking.on('error', reject).end();
  });
}

const problemsOf = (env: Record<string, string>): readonly string[] => {
  try {
    loadConfig({ NODE_ENV: 'test', AUTH_SECRET: 'x'.repeat(32), ...env });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
};

describe('TLS', () => {
  it('is spoken with the certificate, in version 1.2 or newer', async () => {
    const { cert, key } = createCertificate('one');
    const { port } = await startServer({ certificate: write({ cert, key }) });
    // verified in earnest
    const verified = await ask(port, { rejectUnauthorized: true, ca: cert });
    expect(verified).toEqual({ status: 200, name: 'one' });
    const version = (minVersion: SecureVersion, maxVersion = minVersion) =>
      new Promise((resolve) => {
        const options = { minVersion, maxVersion, ciphers: 'ALL@SECLEVEL=0' };
        const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
        socket.on('secureConnect', () => resolve(socket.getProtocol()) ?? socket.destroy());
        socket.on('error', () => resolve('refused'));
      });
    expect(await version('TLSv1.1')).toBe('refused');
    expect(await version('TLSv1.2')).toBe('TLSv1.2');
    expect(await version('TLSv1.3')).toBe('TLSv1.3');
  });

  it('is all that is spoken: plain HTTP is cut off, and whoever only connects', async () => {
    const { port, errors } = await startServer({
      certificate: write(createCertificate('one')),
      headersTimeoutMs: 200,
    });
    expect(await sendRaw(port, 'GET /health HTTP/1.1\r\nhost: a\r\n\r\n')).not.toContain('200 OK');
    const idle = connectPlain(port, '127.0.0.1').on('error', () => undefined);
    await new Promise((resolve) => idle.on('close', resolve));
    expect((await ask(port)).status).toBe(200);
    expect(errors).toEqual([]);
  });

  it('takes a new certificate for new connections, and leaves the open ones', async () => {
    const { port, listener } = await startServer({ certificate: write(createCertificate('old')) });
    const agent = new Agent({ keepAlive: true, maxCachedSessions: 0 });
    onTestFinished(() => agent.destroy());
    expect((await ask(port, { agent })).name).toBe('old');
    const sockets = Object.values(agent.freeSockets).flat();
    listener.renewCertificate(write(createCertificate('new')));
    expect((await ask(port)).name).toBe('new');
    expect((await ask(port, { agent })).name).toBe('old');
    expect(Object.values(agent.freeSockets).flat()).toEqual(sockets);
  });
});

describe('the files', () => {
  /** Watches the files for a test. */
  function watch(current: Certificate) {
    const told: string[] = [];
    const stop = watchCertificate(
      files,
      current,
      { renewed: ({ cert }) => told.push(String(cert)), broken: (problem) => told.push(problem) },
      5,
    );
    onTestFinished(stop);
    return told;
  }

  it('are taken when they change, also by another link as Kubernetes does it', async () => {
    const told = watch(write(createCertificate('one')));
    const two = createCertificate('two');
    write(two);
    await until(() => told.includes(two.cert));
    const three = createCertificate('three');
    const elsewhere = join(folder, 'elsewhere.pem');
    writeFileSync(elsewhere, three.cert);
    writeFileSync(keyPath, three.key);
    symlinkSync(elsewhere, join(folder, 'link'));
    renameSync(join(folder, 'link'), certPath);
    await until(() => told.includes(three.cert));
    rmSync(certPath);
  });

  it('that are broken are told of once and change nothing, until they are whole', async () => {
    const told = watch(write(createCertificate('one')));
    const next = createCertificate('next');
    writeFileSync(keyPath, next.key);
    await until(() => told.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(told).toEqual([expect.stringContaining('HTTPS_KEY_PATH')]);
    writeFileSync(certPath, 'not a certificate');
    await until(() => told.length > 1);
    expect(told[1]).toContain('HTTPS_CERT_PATH');
    writeFileSync(certPath, next.cert);
    await until(() => told.length > 2);
    expect(told.slice(2)).toEqual([next.cert]);
  });

  it('are checked when the service starts, and never shown', () => {
    const { cert, key } = createCertificate('one');
    write({ cert, key });
    const both = { HTTPS_CERT_PATH: certPath, HTTPS_KEY_PATH: keyPath };
    expect(problemsOf(both)).toEqual([]);
    expect(problemsOf({ HTTPS_CERT_PATH: certPath })).toEqual([
      expect.stringMatching(/^HTTPS_KEY_PATH is needed/),
    ]);
    expect(problemsOf({ HTTPS_KEY_PATH: keyPath })).toEqual([
      expect.stringMatching(/^HTTPS_CERT_PATH is needed/),
    ]);
    expect(problemsOf({ ...both, HTTPS_CERT_PATH: join(folder, 'none') })).toEqual([
      expect.stringMatching(/^HTTPS_CERT_PATH .*cannot be read/),
    ]);
    writeFileSync(keyPath, createCertificate('other').key);
    expect(problemsOf(both)).toEqual([expect.stringMatching(/^HTTPS_KEY_PATH .*private key/)]);
    writeFileSync(keyPath, '-----BEGIN SECRET-----');
    for (const problem of problemsOf(both)) expect(problem).not.toContain('BEGIN');
    expect(readCertificate(files)).toHaveProperty('problem');
  });

  it('make the public URL https, cookies secure, and HSTS where it is not this machine', () => {
    write(createCertificate('one'));
    const env = { NODE_ENV: 'test', AUTH_SECRET: 'x'.repeat(32), PORT: '4430' };
    const both = { ...env, HTTPS_CERT_PATH: certPath, HTTPS_KEY_PATH: keyPath };
    expect(loadConfig(both)).toMatchObject({
      publicUrl: 'https://localhost:4430',
      cookies: { secure: true },
      strictTransport: false,
    });
    expect(loadConfig({ ...both, PUBLIC_URL: 'https://auth.example.com' })).toMatchObject({
      cookies: { secure: true },
      strictTransport: true,
    });
    expect(problemsOf({ ...both, PUBLIC_URL: 'http://localhost:4430' })).toEqual([
      expect.stringMatching(/^PUBLIC_URL must start with https/),
    ]);
    expect(loadConfig(env)).toMatchObject({
      publicUrl: 'http://localhost:4430',
      cookies: { secure: false },
    });
  });
});
