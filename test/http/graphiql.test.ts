import { beforeAll, describe, expect, it } from 'vitest';
import { createGraphiqlPage } from '../../src/http/graphiql.ts';
import { createTinyService, GRAPHQL_URL, SECURITY_HEADERS } from './tiny-service.ts';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

describe('GraphiQL', () => {
  const page = createGraphiqlPage('/graphql', ['query Example { hello }']);
  const { app } = createTinyService({ endpoint: { page } });
  let html: string;
  let response: Response;
  beforeAll(async () => {
    response = await app.fetch(GRAPHQL_URL, { headers: { accept: BROWSER } });
    html = await response.text();
  });

  it('is what a browser gets, with the headers of every answer', () => {
    expect(response.status).toBe(200);
    expect(html).toContain('query Example { hello }');
    const { 'content-security-policy': _, ...others } = SECURITY_HEADERS;
    expect(Object.fromEntries(response.headers)).toMatchObject({
      ...others,
      'content-type': 'text/html; charset=utf-8',
    });
  });

  it('loads nothing from elsewhere, and may not', () => {
    expect(html).not.toMatch(/<(script|link|img|iframe)[^>]+(src|href)="?(https?:)?\/\//);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/^default-src 'none';/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/https?:|\*|'unsafe-eval'/);
  });

  it('is not in the way of queries', async () => {
    const answer = await app.fetch(`${GRAPHQL_URL}?query={hello}`);
    expect(await answer.json()).toEqual({ data: { hello: 'hello world' } });
  });

  it('does not exist where it is not wanted', async () => {
    const closed = createTinyService();
    const headers = { accept: 'text/html' };
    expect((await closed.app.fetch(GRAPHQL_URL, { headers })).status).toBe(406);
    const query = `${GRAPHQL_URL}?query={hello}`;
    expect((await closed.app.fetch(query, { headers })).status).toBe(406);
  });
});
