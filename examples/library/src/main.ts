import { createServer } from 'node:http';
import { createLibrary } from './library.ts';

const { LATCHKEY_URL = 'http://localhost:4000', PORT = '4001' } = process.env;

const library = createLibrary({ issuer: LATCHKEY_URL, audience: 'latchkey' });
createServer(library).listen(Number(PORT), '127.0.0.1', () => {
  process.stdout.write(`The library is running: http://localhost:${PORT}/graphql\n`);
});
