// An endpoint that only hashes, with the service's own library.

import { hash, verify } from '@node-rs/argon2';
import { serveHashing } from './hash-endpoint.ts';

serveHashing({ hash, verify });
