import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { beforeAll, describe, expect, it } from 'vitest';
import { createGraphiqlPage } from '../../src/http/graphiql.ts';
import { createTinyService, GRAPHQL_URL, SECURITY_HEADERS } from './tiny-service.ts';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

describe('GraphiQL', () => {
  let rendered = 0;
  const page = createGraphiqlPage(() => {
    rendered += 1;
    return renderGraphiQL({ title: 'Tiny' });
  });
  const { app } = createTinyService({ endpoint: { page } });
  let html: string;
  let response: Response;
  beforeAll(async () => {
    response = await app.fetch(GRAPHQL_URL, { headers: { accept: BROWSER } });
    html = await response.text();
  });

  it('is what a browser gets, with the headers of every answer', () => {
    expect(response.status).toBe(200);
    expect(html).toContain('<title>Tiny</title>');
    const { 'content-security-policy': _, ...others } = SECURITY_HEADERS;
    expect(Object.fromEntries(response.headers)).toMatchObject({
      ...others,
      'content-type': 'text/html; charset=utf-8',
    });
  });

  it('loads nothing from elsewhere, and its policy lets its own script run and no other', () => {
    expect(html).not.toMatch(/<(script|link|img|iframe)[^>]+(src|href)="?(https?:)?\/\//);
    const scripts = [...html.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)];
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(scripts).toHaveLength(1);
    for (const [, script = ''] of scripts) {
      const hash = createHash('sha256').update(script).digest('base64');
      expect(policy).toContain(`script-src 'sha256-${hash}';`);
    }
    expect(policy).toMatch(/^default-src 'none';.*frame-ancestors 'none'$/);
    expect(policy).not.toMatch(/script-src[^;]*'unsafe|https?:|\*/);
  });

  it('is rendered once and sent compressed to those who can read that', async () => {
    const headers = { accept: BROWSER, 'accept-encoding': 'gzip, br' };
    const zipped = await app.fetch(GRAPHQL_URL, { headers });
    expect(zipped.headers.get('content-encoding')).toBe('gzip');
    expect(gunzipSync(await zipped.arrayBuffer()).toString()).toBe(html);
    expect(rendered).toBe(1);
  });

  it('is not in the way of queries', async () => {
    const answer = await app.fetch(`${GRAPHQL_URL}?query={hello}`);
    expect(await answer.json()).toEqual({ data: { hello: 'hello world' } });
  });

  it('does not exist where it is not wanted', async () => {
    const closed = createTinyService();
    const answer = await closed.app.fetch(GRAPHQL_URL, { headers: { accept: 'text/html' } });
    expect(answer.status).toBe(400);
    const page = await closed.app.fetch(`${GRAPHQL_URL}?query={hello}`, {
      headers: { accept: 'text/html' },
    });
    expect(page.status).toBe(406);
  });
});
