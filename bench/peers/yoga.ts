// Yoga, set up as its documentation shows, with one field that runs one prepared SELECT by primary key.

import { createSchema, createYoga } from 'graphql-yoga';
import { createAccountReader } from './account.ts';
import { listen } from './listen.ts';
import { readPeerSettings } from './settings.ts';

const readAccount = createAccountReader(readPeerSettings());

const schema = createSchema({
  typeDefs: `
    type Query { me: Account! }
    type Account { id: ID! email: String! }
  `,
  resolvers: { Query: { me: () => readAccount() } },
});

const yoga = createYoga({ schema });

listen(yoga);
