import { serverAudits } from 'graphql-http';
import type { Plugin } from 'graphql-yoga';
import { describe, expect, it } from 'vitest';
import { createTinyService, GRAPHQL_URL, onlyError, post } from './tiny-service.ts';

const RESULT_TYPE = 'application/graphql-response+json';

describe('the GraphQL-over-HTTP specification', () => {
  const { app } = createTinyService();
  const audits = serverAudits({ url: GRAPHQL_URL, fetchFn: app.fetch });
  it.each(audits.map((audit) => [audit.id, audit.name, audit] as const))(
    '%s %s',
    async (_id, _name, audit) => {
      expect(await audit.fn()).toMatchObject({ status: 'ok' });
    },
  );
});

describe('POST', () => {
  it('answers a query with its variables', async () => {
    const query = 'query Hello($to: String) { hello(to: $to) } query Other { __typename }';
    const body = { query, operationName: 'Hello', variables: { to: 'Ada ☕' } };
    const response = await post(createTinyService(), body);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await response.json()).toEqual({ data: { hello: 'hello Ada ☕' } });
  });

  it('gives the context the request, and takes cookies and headers back from it', async () => {
    const service = createTinyService();
    await post(service, { query: '{hello}' }, { authorization: 'Bearer x' });
    expect(service.context()?.http).toMatchObject({
      method: 'POST',
      path: '/graphql',
      headers: { authorization: 'Bearer x' },
      clientAddress: '127.0.0.1',
      secure: false,
    });
    // By prototype, which is what Yoga does to a lone object, every context would have its own shape.
    expect(Object.getPrototypeOf(service.context())).toBe(Object.prototype);
    const response = await post(service, { query: '{cookies}' });
    expect(response.headers.getSetCookie()).toEqual(['a=1; HttpOnly', 'b=2; HttpOnly']);
    expect(response.headers.get('retry-after')).toBe('7');
    expect((await post(service, { query: '{hello}' })).headers.getSetCookie()).toEqual([]);
  });

  it.each([
    'text/plain',
    'text/plain; application/json',
    'application/json; charset=utf-7',
    'application/json, text/plain',
    'application/graphql',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    '',
  ])('executes nothing that comes as %j', async (contentType) => {
    const service = createTinyService();
    const bodies = [
      '{"query":"mutation{change}"}',
      'query=mutation%7Bchange%7D',
      'mutation{change}',
      '--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{"query":"mutation{change}"}\r\n--x--\r\n',
    ];
    for (const body of bodies) {
      const response = await post(service, body, { 'content-type': contentType });
      expect(response.status).toBe(415);
      expect((await onlyError(response)).message).toContain('Content-Type: application/json');
    }
    expect(service.mutations()).toBe(0);
  });

  it('does not take what Yoga never sees from the URL', async () => {
    const service = createTinyService();
    const response = await service.app.fetch(`${GRAPHQL_URL}?query=mutation{change}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{hello}"}',
    });
    expect(await response.json()).toEqual({ data: { hello: 'hello world' } });
    expect(service.mutations()).toBe(0);
  });

  it('takes no batches', async () => {
    const service = createTinyService();
    const response = await post(service, [{ query: 'mutation{change}' }, { query: '{hello}' }]);
    expect(response.status).toBe(400);
    expect((await onlyError(response)).extensions.code).toBe('BAD_USER_INPUT');
    expect(service.mutations()).toBe(0);
  });

  it.each([
    ['100,000 brackets', '['.repeat(99_999)],
    [
      'deep variables',
      `{"query":"{hello}","variables":${'{"a":'.repeat(5000)}0${'}'.repeat(5001)}`,
    ],
    ['a BOM', '\uFEFF{"query":"{hello}"}'],
    ['nothing', ''],
  ])('refuses %s', async (_what, body) => {
    const response = await post(createTinyService(), body);
    expect(response.status).toBe(400);
    expect((await onlyError(response)).extensions.code).toBe('BAD_USER_INPUT');
  });

  it('refuses a body over the limit, and says which setting raises it', async () => {
    const service = createTinyService();
    const response = await post(service, { query: '{hello}', variables: { a: 'x'.repeat(1e5) } });
    expect(response.status).toBe(413);
    expect((await onlyError(response)).message).toContain('BODY_LIMIT_BYTES');
  });

  it('refuses a body that never ends, in the media type the client wants', async () => {
    const service = createTinyService({ app: { limits: { bytes: 100, milliseconds: 20 } } });
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: RESULT_TYPE },
      body: new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from('{')) }),
      duplex: 'half',
    };
    const response = await service.app.fetch(GRAPHQL_URL, init);
    expect(response.status).toBe(408);
    expect(response.headers.get('content-type')).toBe(`${RESULT_TYPE}; charset=utf-8`);
    expect((await onlyError(response)).message).toContain('BODY_TIMEOUT_SECONDS');
  });

  it('refuses compressed bodies', async () => {
    const response = await post(createTinyService(), '{}', { 'content-encoding': 'gzip' });
    expect(response.status).toBe(415);
  });

  it.each([undefined, 'abc'])(
    'refuses persisted queries by a code that clients know',
    async (q) => {
      const extensions = { persistedQuery: { version: 1, sha256Hash: 'ab'.repeat(32) } };
      const response = await post(createTinyService(), { query: q ?? '{hello}', extensions });
      expect(response.status).toBe(400);
      expect((await onlyError(response)).extensions.code).toBe('PERSISTED_QUERY_NOT_SUPPORTED');
    },
  );

  it.each(['multipart/mixed', 'text/event-stream', 'text/html', 'application/json;q=0'])(
    'answers 406 to Accept: %s, and executes nothing',
    async (accept) => {
      const service = createTinyService();
      const response = await post(service, { query: 'mutation{change}' }, { accept });
      expect(response.status).toBe(406);
      expect(service.mutations()).toBe(0);
    },
  );

  it('does not stream', async () => {
    const accept = 'text/event-stream, multipart/mixed, application/json';
    const response = await post(createTinyService(), { query: 'subscription{ticks}' }, { accept });
    expect(response.status).toBe(406);
    expect((await onlyError(response)).message).toContain('stream');
  });

  it('answers variables of a wrong type by the status of each media type', async () => {
    const body = { query: 'query($p:Person){greet(person:$p)}', variables: { p: { name: 1 } } };
    const service = createTinyService();
    expect((await post(service, body, { accept: RESULT_TYPE })).status).toBe(400);
    expect((await post(service, body, { accept: 'application/json' })).status).toBe(200);
  });

  it('masks what a resolver throws', async () => {
    const response = await post(createTinyService(), { query: '{fail}' });
    expect(await response.text()).not.toContain('secret');
  });
});

describe('GET', () => {
  it('answers queries', async () => {
    const { app } = createTinyService();
    const search = new URLSearchParams({
      query: 'query($to:String){hello(to:$to)}',
      variables: '{"to":"/health"}',
    });
    const response = await app.fetch(`${GRAPHQL_URL}?${search}`);
    expect(await response.json()).toEqual({ data: { hello: 'hello /health' } });
  });

  it.each(['mutation{change}', 'query A{hello} mutation B{change}&operationName=B'])(
    'does not execute %s',
    async (query) => {
      const service = createTinyService();
      const response = await service.app.fetch(`${GRAPHQL_URL}?query=${query}`);
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('POST');
      expect(service.mutations()).toBe(0);
    },
  );

  it('cannot be confused by a URL that ends like another of Yoga’s paths', async () => {
    const { app } = createTinyService();
    const response = await app.fetch(`${GRAPHQL_URL}?query={hello}&x=/health`);
    expect(await response.json()).toEqual({ data: { hello: 'hello world' } });
  });
});

describe('Yoga’s plugins', () => {
  it('see parameters, documents, contexts, executions and results', async () => {
    const seen: string[] = [];
    const watch: Plugin = {
      onParams: ({ params }) => void seen.push(`params ${params.operationName}`),
      onParse: () => void seen.push('parse'),
      onValidate: () => void seen.push('validate'),
      onContextBuilding: ({ context }) =>
        void seen.push(`context of ${context.params.operationName}`),
      onExecute: () => void seen.push('execute'),
      onExecutionResult: ({ result, setResult }) => {
        seen.push('result');
        setResult({
          ...result,
          extensions: { http: { status: 418, headers: { 'X-Tea': 'yes' } } },
        });
      },
    };
    const body = { query: 'query Hello { hello }', operationName: 'Hello' };
    const response = await post(createTinyService({ plugins: [watch] }), body);
    expect(seen).toEqual([
      'params Hello',
      'parse',
      'validate',
      'context of Hello',
      'execute',
      'result',
    ]);
    expect(response.status).toBe(418);
    expect(response.headers.get('x-tea')).toBe('yes');
    expect(await response.json()).toEqual({ data: { hello: 'hello world' } });
  });
});
