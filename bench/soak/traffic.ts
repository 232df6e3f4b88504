import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';

/** A signed-in user who refreshes to stay signed in. */
interface Person {
  email: string;
  accessToken: string;
  refreshToken: string;
}

/** The number of answers to each kind of request, by status or failure. */
export type Tally = Map<string, number>;

const PASSWORD = 'a long walk along the shore';
const TOKENS = 'tokens { accessToken refreshToken }';
const BOMB = `{ ${Array.from({ length: 2000 }, (_, i) => `a${i}: __typename`).join(' ')} }`;

/** A mixture of good and hostile requests, each from a new IP address. */
export function createTraffic(serviceUrl: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const people: Person[] = [];
  const tally: Tally = new Map();

  const send = (body: string | Buffer, headers: Record<string, string> = {}, path = '/graphql') =>
    new Promise<string>((resolve) => {
      const sent = request(
        new URL(path, serviceUrl),
        {
          agent,
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            'x-forwarded-for': newAddress(),
            ...headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response
            .on('data', (chunk: Buffer) => chunks.push(chunk))
            .on('end', () => resolve(`${response.statusCode} ${Buffer.concat(chunks)}`))
            .on('error', () => resolve('broken'));
        },
      );
      sent.on('error', () => resolve('broken')).end(body);
    });
  const ask = (query: string, variables: object, headers?: Record<string, string>) =>
    send(JSON.stringify({ query, variables }), headers);
  const somebody = () => people[randomInt(people.length)];

  const kinds: Record<string, () => Promise<string>> = {
    async register() {
      const email = `${randomUUID()}@example.com`;
      const answer = await ask(
        `mutation($input: RegisterInput!) { register(input: $input) { __typename ... on RegisterSuccess { ${TOKENS} } } }`,
        { input: { email, password: PASSWORD } },
      );
      const tokens = tokensOf(answer);
      if (tokens !== null && people.length < 500) people.push({ email, ...tokens });
      return answer;
    },
    me: () => ask('{ me { id email } }', {}, bearer(somebody())),
    sessions: () =>
      ask('{ me { sessions { id } auditEvents { edges { cursor } } } }', {}, bearer(somebody())),
    async refresh() {
      const person = somebody();
      if (person === undefined) return 'nobody';
      const answer = await ask(
        `mutation($input: RefreshInput) { refresh(input: $input) { __typename ... on RefreshSuccess { ${TOKENS} } } }`,
        { input: { refreshToken: person.refreshToken } },
      );
      Object.assign(person, tokensOf(answer) ?? {});
      return answer;
    },
    login: () => logIn(somebody()?.email ?? '', PASSWORD),
    'guess at somebody': () => logIn(somebody()?.email ?? '', randomUUID()),
    'guess at nobody': () => logIn(`${randomUUID()}@example.com`, randomUUID()),
    'forged token': () => ask('{ me { id } }', {}, { authorization: `Bearer ${randomUUID()}.a.b` }),
    'forged refresh token': () =>
      ask('mutation($t: String) { refresh(input: { refreshToken: $t }) { __typename } }', {
        t: `${randomUUID()}.0.${randomBytes(32).toString('base64url')}`,
      }),
    'document bomb': () => ask(BOMB, {}),
    'new document': () => ask(`{ a${randomInt(1e9)}: __typename }`, {}),
    'no JSON': () => send(randomBytes(200)),
    'large body': () => send(Buffer.alloc(150_000, 'x')),
    'unknown path': () => send('', {}, `/${randomUUID()}`),
    'long header': () => ask('{ __typename }', {}, { authorization: `Bearer ${'x'.repeat(8000)}` }),
  };
  const logIn = (identifier: string, password: string) =>
    ask('mutation($input: LoginInput!) { login(input: $input) { __typename } }', {
      input: { identifier, password },
    });
  const mixture = Object.entries(WEIGHTS).flatMap(([kind, weight]) => Array(weight).fill(kind));

  /** Sends one request of a random kind. */
  async function next(): Promise<void> {
    const kind: string = people.length < 10 ? 'register' : mixture[randomInt(mixture.length)];
    const answer = (await kinds[kind]?.()) ?? 'no such kind';
    const key = `${kind}: ${outcomeOf(answer)}`;
    tally.set(key, (tally.get(key) ?? 0) + 1);
  }

  return { next, tally, close: () => agent.destroy() };
}

const WEIGHTS: Record<string, number> = {
  register: 2,
  me: 40,
  sessions: 5,
  refresh: 8,
  login: 4,
  'guess at somebody': 3,
  'guess at nobody': 6,
  'forged token': 10,
  'forged refresh token': 8,
  'document bomb': 3,
  'new document': 10,
  'no JSON': 3,
  'large body': 2,
  'unknown path': 3,
  'long header': 2,
};

function newAddress(): string {
  if (randomInt(2) === 0) return `${randomInt(1, 224)}.${[...randomBytes(3)].join('.')}`;
  const groups = Array.from({ length: 8 }, () => randomInt(65_536).toString(16));
  return groups.join(':');
}

function bearer(person: Person | undefined): Record<string, string> {
  return { authorization: `Bearer ${person?.accessToken ?? ''}` };
}

function tokensOf(answer: string): Pick<Person, 'accessToken' | 'refreshToken'> | null {
  const accessToken = /"accessToken":"([^"]+)"/.exec(answer)?.[1];
  const refreshToken = /"refreshToken":"([^"]+)"/.exec(answer)?.[1];
  return accessToken && refreshToken ? { accessToken, refreshToken } : null;
}

function outcomeOf(answer: string): string {
  const status = answer.slice(0, 3);
  const name = /"__typename":"(\w+)"/.exec(answer)?.[1] ?? /"code":"(\w+)"/.exec(answer)?.[1];
  return name === undefined || name === 'Query' ? status : `${status} ${name}`;
}
