import { LOGIN, REGISTER } from '../../support/account.ts';
import type { Answer, TestApp } from '../../support/app.ts';

/** A cookie as it was set: its attributes by lower-case name, true for those without a value. */
export interface SetCookie {
  name: string;
  value: string;
  attributes: Record<string, string | true>;
  /** The whole header line. */
  line: string;
}

/** What a request came to. */
export interface Visit {
  answer: Answer;
  response: Response;
  setCookies: SetCookie[];
}

/** A browser on a page that may use cookies: it keeps what it is told to, sends all of it, and adds the CSRF header. */
export interface Browser {
  /** By name. */
  readonly cookies: Map<string, string>;
  send(
    query: string,
    variables?: Record<string, unknown>,
    headers?: Record<string, string>,
  ): Promise<Visit>;
  register(input: Record<string, unknown>): Promise<Visit>;
  logIn(input: Record<string, unknown>): Promise<Visit>;
}

export function createBrowser(app: TestApp): Browser {
  const cookies = new Map<string, string>();
  const send: Browser['send'] = async (query, variables = {}, headers = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await app.post(
      { query, variables },
      { headers: { 'x-csrf-protection': '1', ...(cookie === '' ? {} : { cookie }), ...headers } },
    );
    const setCookies = setCookiesOf(response);
    for (const { name, value, attributes } of setCookies) {
      if (attributes['max-age'] === '0') cookies.delete(name);
      else cookies.set(name, value);
    }
    return { answer: (await response.json()) as Answer, response, setCookies };
  };
  return {
    cookies,
    send,
    register: (input) => send(REGISTER, { input }),
    logIn: (input) => send(LOGIN, { input }),
  };
}

export function setCookiesOf(response: Response): SetCookie[] {
  return response.headers.getSetCookie().map((line) => {
    const [pair = '', ...rest] = line.split('; ');
    const attributes: SetCookie['attributes'] = {};
    for (const attribute of rest) {
      const [name = '', value] = attribute.split('=');
      attributes[name.toLowerCase()] = value ?? true;
    }
    const [name = ''] = pair.split('=', 1);
    return { name, value: pair.slice(name.length + 1), attributes, line };
  });
}
