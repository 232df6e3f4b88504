import { crowdEmail, makeAdmin, nameOfSomebody } from '../crowd.ts';
import { percentile } from '../figures.ts';
import type { CrowdedLatchkey } from '../latchkey.ts';
import { signInCrowd } from '../operations.ts';
import { type Record, ratioOf, type Sample } from '../race.ts';
import type { Finding, Suite } from './suite.ts';

/** Administration of a million accounts: no page is slow, and a page far back is as fast as the first. */
export const admin: Suite = {
  name: 'admin',
  async run(stage, runner) {
    const service = await stage.crowded(stage.crowdSize);
    const ask = askAs(`${service.url}/graphql`, await administratorOf(service));

    const pages: Measured[] = [];
    for (const [name, list] of Object.entries(LISTS)) {
      runner.say(`walking through ${name}`);
      const { cursor, page } = await walk(ask, list);
      const first = measured(`${name}, page 1`, () => ask(list(null)));
      pages.push(
        first,
        measured(`${name}, page ${page.toLocaleString('en')}`, () => ask(list(cursor)), first),
      );
    }
    for (const [name, query] of Object.entries(singles(service.accounts))) {
      pages.push(measured(name, () => ask(query)));
    }
    for (let round = 0; round <= runner.rounds; round++) {
      // in turn, so that other load on the machine affects all pages alike; the first round is the warm-up
      for (const page of pages) await measureRound(page, round > 0, runner.say);
      if (round > 0) runner.say(`round ${round} of ${runner.rounds}`);
    }
    return { records: pages.map(({ record }) => record), findings: pages.flatMap(findingOf) };
  },
};

/** Makes the first account of a crowd an administrator. @returns its access token */
export async function administratorOf(service: CrowdedLatchkey): Promise<string> {
  const [account] = await signInCrowd(service, 1);
  await makeAdmin(service.databaseUrl, crowdEmail(0));
  return account?.accessToken ?? '';
}

/** The query for the first page of all users. */
export const firstUsers = (): string => LISTS.users(null);

const SLOWEST_MS = 50;
const MOST_TIMES_FIRST = 1.5;
const FAR_PAGE = 1000;
const ASKED_A_ROUND = 25;

type Ask = (query: string) => Promise<Answer>;

interface Answer {
  data: { admin: { list?: { pageInfo: { hasNextPage: boolean; endCursor: string | null } } } };
}

const USER = 'id email username displayName role status createdAt lastLoginAt';
const EVENT = 'id type at userId actorId ipAddress detail';
const listOf =
  (field: string, filter: string, node: string) =>
  (after: string | null): string =>
    `{ admin { list: ${field}(first: 100, after: ${JSON.stringify(after)}, ${filter}) { edges { node { ${node} } } pageInfo { hasNextPage endCursor } } } }`;

const LISTS = {
  users: listOf('users', '', USER),
  'users of a role': listOf('users', 'role: USER', USER),
  'disabled users': listOf('users', 'status: DISABLED', USER),
  'users by a domain': listOf('users', 'search: "example.com"', USER),
  'users by a last name': listOf('users', 'search: "lovelace"', USER),
  events: listOf('auditEvents', '', EVENT),
  'events of a type': listOf('auditEvents', 'type: LOGIN_FAILED', EVENT),
};

function singles(crowd: number): { [name: string]: string } {
  const search = (text: string) => listOf('users', `search: ${JSON.stringify(text)}`, USER)(null);
  return {
    'search for an address': search(crowdEmail(Math.floor(crowd / 2))),
    'search for a name': search(nameOfSomebody(7)),
    'search for "%"': search('%'),
    'search in the middle of words': search('velac'),
    'search for nobody': search('zzyzx'),
    'users with their number': '{ admin { users { totalCount edges { node { id } } } } }',
    'events of a month': listOf(
      'auditEvents',
      'since: "2023-01-01T00:00:00Z", until: "2023-02-01T00:00:00Z"',
      EVENT,
    )(null),
    dashboard:
      '{ admin { dashboard { users admins disabledUsers totpUsers activeSessions lockedAccounts registrationsLast24h loginsLast24h failedLoginsLast24h asOf } } }',
  };
}

function askAs(url: string, token: string): Ask {
  return async (query) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query }),
    });
    const answer = (await response.json()) as Answer & { errors?: unknown };
    if (answer.errors) throw new Error(`${query}: ${JSON.stringify(answer.errors)}`);
    return answer;
  };
}

/** Pages forward to the page to compare with the first one, or to the last page. */
async function walk(ask: Ask, list: (after: string | null) => string) {
  let cursor: string | null = null;
  for (let page = 1; page < FAR_PAGE; page++) {
    const { data } = await ask(list(cursor));
    const { hasNextPage = false, endCursor = null } = data.admin.list?.pageInfo ?? {};
    if (!hasNextPage) return { cursor, page };
    cursor = endCursor;
  }
  return { cursor, page: FAR_PAGE };
}

/** A page with its latencies. */
interface Measured {
  record: Record & { samples: Sample[] };
  milliseconds: number[];
  ask(): Promise<unknown>;
  first: Measured | undefined;
  /** The page failed after this many milliseconds, and is not requested again. */
  failedAfter?: number;
}

function measured(name: string, ask: () => Promise<unknown>, first?: Measured): Measured {
  return { record: { name, samples: [] }, milliseconds: [], ask, first };
}

async function measureRound(page: Measured, counts: boolean, say: (line: string) => void) {
  const round: number[] = [];
  for (let asked = 0; asked < ASKED_A_ROUND && page.failedAfter === undefined; asked++) {
    const start = performance.now();
    try {
      await page.ask();
    } catch (error) {
      page.failedAfter = performance.now() - start;
      say(`${page.record.name} failed: ${String(error)}`);
    }
    round.push(performance.now() - start);
  }
  if (!counts || page.failedAfter !== undefined) return;
  page.milliseconds.push(...round);
  round.sort((a, b) => a - b);
  page.record.samples.push({ p50: percentile(round, 0.5), p99: percentile(round, 0.99) });
}

function findingOf(page: Measured): Finding[] {
  const { record, first, failedAfter } = page;
  if (failedAfter !== undefined) {
    const target = { text: 'an answer', isMet: false };
    return [{ what: `${record.name}, failed`, unit: 'ms', value: failedAfter, target }];
  }
  const value = p95Of(page);
  const ratio = first && ratioOf(record, first.record, 'p50');
  const isFastEnough = value <= SLOWEST_MS;
  if (first === undefined || ratio === undefined) {
    const target = { text: `at most ${SLOWEST_MS} ms`, isMet: isFastEnough };
    return [{ what: record.name, unit: 'ms, p95', value, target }];
  }
  return [
    {
      what: record.name,
      unit: 'ms, p95',
      value,
      peer: { name: first.record.name, value: p95Of(first) },
      ratio,
      target: {
        text: `at most ${SLOWEST_MS} ms, p50 at most ${MOST_TIMES_FIRST} times`,
        isMet: isFastEnough && ratio.median <= MOST_TIMES_FIRST,
      },
    },
  ];
}

function p95Of({ milliseconds }: Measured): number {
  return percentile(
    milliseconds.toSorted((a, b) => a - b),
    0.95,
  );
}
