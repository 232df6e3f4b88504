import type { TestApp } from '../../support/app.ts';

/** What went over the wire, in its order. */
export interface Sent {
  /** The name of the operation. */
  operation: string;
  headers: Headers;
  variables: Record<string, unknown>;
  credentials: string | undefined;
}

/** A browser's way to the service: keeps cookies, and what was sent. */
export interface Wire {
  readonly fetch: typeof fetch;
  readonly sent: Sent[];
  readonly cookies: Map<string, string>;
  /** How many operations of this name were sent. */
  count(operation: string): number;
  /** Answers operations of this name in the service's place; a function that throws is a lost network. */
  replace(operation: string, answer: () => Response | Promise<Response>): void;
  restore(operation: string): void;
}

/**
 * @param cookies those of another wire, for tabs of one browser
 */
export function createWire(app: TestApp, cookies = new Map<string, string>()): Wire {
  const sent: Sent[] = [];
  const replaced = new Map<string, () => Response | Promise<Response>>();
  const send: typeof fetch = async (input, init = {}) => {
    const headers = new Headers(init.headers);
    const { query, variables = {} } = JSON.parse(String(init.body));
    const [, operation = ''] = /(?:query|mutation)\s+(\w+)/.exec(query) ?? [];
    sent.push({
      operation,
      headers: new Headers(headers),
      variables,
      credentials: init.credentials,
    });
    const answer = replaced.get(operation);
    if (answer) return answer();
    const usesCookies = init.credentials === 'include';
    if (usesCookies && cookies.size > 0) {
      headers.set('cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '));
    }
    const response = await app.app.fetch(String(input), {
      method: 'POST',
      headers: Object.fromEntries(headers),
      body: String(init.body),
    });
    for (const line of usesCookies ? response.headers.getSetCookie() : []) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=');
      if (/max-age=0\b/i.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return response;
  };
  return {
    fetch: send,
    sent,
    cookies,
    count: (name) => sent.filter(({ operation }) => operation === name).length,
    replace: (operation, answer) => void replaced.set(operation, answer),
    restore: (operation) => void replaced.delete(operation),
  };
}

/** What a service that wants to be left alone answers. */
export function refusal(code: string, retryAfter: number): Response {
  const body = { errors: [{ message: 'Not now.', extensions: { code, retryAfter } }], data: null };
  return Response.json(body, { status: 200 });
}
