import { Agent, request } from 'node:http';

/** The latencies of one kind of request, in milliseconds. */
export interface Times {
  requests: number;
  failed: number;
  median: number;
  p99: number;
  slowest: number;
}

const ME_EVERY_MS = 5;
const LOGIN_EVERY_MS = 500;

/** Sends requests at a steady pace, whether or not answers arrive, so that a slow answer does not delay later requests. */
export function createPace(
  url: string,
  { email, accessToken }: { email: string; accessToken: string },
  password: string,
) {
  const agent = new Agent({ keepAlive: true });
  let taken: Record<'me' | 'login', { ms: number; failed: boolean }[]> = { me: [], login: [] };
  const underway = new Set<Promise<void>>();

  const ask = (
    kind: 'me' | 'login',
    body: string,
    headers: Record<string, string>,
    good: string,
  ) => {
    const startedAt = performance.now();
    const into = taken[kind];
    const asking = new Promise<void>((resolve) => {
      const done = (answer: string) => {
        into.push({ ms: performance.now() - startedAt, failed: !answer.includes(good) });
        resolve();
      };
      const sent = request(new URL('/graphql', url), {
        agent,
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
      });
      sent.on('response', (response) => {
        let text = '';
        response.on('data', (chunk) => (text += chunk)).on('end', () => done(text));
      });
      sent.on('error', () => done('')).end(body);
    }).finally(() => underway.delete(asking));
    underway.add(asking);
  };
  const me = JSON.stringify({ query: '{ me { id email } }' });
  const login = JSON.stringify({
    query: 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }',
    variables: { input: { identifier: email, password } },
  });
  const timers = [
    setInterval(
      () => ask('me', me, { authorization: `Bearer ${accessToken}` }, '@example.com'),
      ME_EVERY_MS,
    ),
    setInterval(() => ask('login', login, {}, 'LoginSuccess'), LOGIN_EVERY_MS),
  ];
  return {
    /** The latencies of the requests answered since the last call. */
    times(): Record<string, Times> {
      const { me, login } = taken;
      taken = { me: [], login: [] };
      return { me: timesOf(me), login: timesOf(login) };
    },
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await Promise.all(underway);
      agent.destroy();
    },
  };
}

function timesOf(taken: { ms: number; failed: boolean }[]): Times {
  const sorted = taken.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
  return {
    requests: taken.length,
    failed: taken.filter(({ failed }) => failed).length,
    median: at(0.5),
    p99: at(0.99),
    slowest: at(1),
  };
}
