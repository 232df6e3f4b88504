import {
  type AnyVariables,
  Client,
  cacheExchange,
  fetchExchange,
  type TypedDocumentNode,
  useClient,
} from 'urql';
import { createLatchkey } from '../../../packages/client/src/index.ts';
import { latchkeyExchange } from '../../../packages/client/src/urql.ts';
import { requestProblem } from './request-problem.ts';
import { settings } from './settings.ts';

const url = `${settings.base}/graphql`;

/** The browser's session, shared by all tabs. */
export const session = createLatchkey({ url, mode: 'cookie', name: 'latchkey-pages' });

/** Creates a client with an empty cache. Each sign-in and sign-out starts with a new one. */
export function createClient(): Client {
  return new Client({
    url,
    exchanges: [cacheExchange, latchkeyExchange(session), fetchExchange],
    preferGetMethod: false,
  });
}

/** @returns functions that run an operation and resolve to its data, or throw a RequestProblem if there is none */
export function useAsk() {
  const client = useClient();
  return {
    async mutate<Data, Variables extends AnyVariables>(
      document: TypedDocumentNode<Data, Variables>,
      variables: Variables,
    ): Promise<Data> {
      const { data, error } = await client.mutation(document, variables).toPromise();
      if (data === undefined || data === null) throw requestProblem(error);
      return data;
    },
    async query<Data, Variables extends AnyVariables>(
      document: TypedDocumentNode<Data, Variables>,
      variables: Variables,
    ): Promise<Data> {
      const fresh = { requestPolicy: 'network-only' } as const;
      const { data, error } = await client.query(document, variables, fresh).toPromise();
      if (data === undefined || data === null || error) throw requestProblem(error);
      return data;
    },
  };
}
