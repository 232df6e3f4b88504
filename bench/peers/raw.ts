// The least that can stand between a request and one prepared SELECT by primary key: no GraphQL, no framework.

import { createAccountReader } from './account.ts';
import { listen } from './listen.ts';
import { readPeerSettings } from './settings.ts';

const readAccount = createAccountReader(readPeerSettings());

listen((request, response) => {
  // the body is ignored, but must be read before the connection can take the next request
  request.resume();
  readAccount().then(
    (account) => {
      const body = JSON.stringify({ data: { me: account } });
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      };
      response.writeHead(200, headers).end(body);
    },
    (error: unknown) => {
      response.writeHead(500).end(String(error));
    },
  );
});
