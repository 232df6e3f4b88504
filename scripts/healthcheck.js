// Checks whether the service on this machine is alive, and exits with 0 if it is. For HEALTHCHECK in the Dockerfile.

import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';

const { PORT = '4000', HTTPS_CERT_PATH } = process.env;
const request = HTTPS_CERT_PATH ? requestTls : requestPlain;

const asking = request(
  // the certificate is for the public name, not for localhost
  {
    host: 'localhost',
    port: Number(PORT),
    path: '/health',
    timeout: 2000,
    rejectUnauthorized: false,
  },
  (response) => process.exit(response.statusCode === 200 ? 0 : 1),
);
asking.on('timeout', () => process.exit(1));
asking.on('error', () => process.exit(1));
asking.end();
