// An endpoint that only hashes, with the reference implementation.

import { hash, verify } from 'argon2';
import { serveHashing } from './hash-endpoint.ts';

serveHashing({ hash, verify });
