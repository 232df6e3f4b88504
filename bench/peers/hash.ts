// Only hashes, by what the service hashes by.

import { hash, verify } from '@node-rs/argon2';
import { serveHashing } from './hash-endpoint.ts';

serveHashing({ hash, verify });
