import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { ownVersion } from '../version.ts';

/** What one request came to. Each value is from a small fixed set, never made up by a client. */
export interface RequestOutcome {
  readonly route: string;
  /** The requested root field. */
  readonly operation: string;
  /** The member of a mutation's result union, an error code, `ok`, or the HTTP status of a request outside GraphQL. */
  readonly outcome: string;
}

/** Prometheus metrics of one service. */
export interface Metrics {
  readonly contentType: string;
  /** All metrics in Prometheus's text format. */
  read(): Promise<string>;
  request(of: RequestOutcome, seconds: number): void;
  /** Counts one mutation; a request may contain several. */
  mutation(field: string, outcome: string): void;
  rateLimited(limit: string): void;
  /** Counts a lockout: too many failed attempts on a kind of subject, such as `password`. */
  locked(subject: string): void;
  tokenIssued(): void;
  tokenRefused(): void;
  hashed(waitedSeconds: number, tookSeconds: number): void;
  hashRefused(): void;
  connectionAcquired(seconds: number): void;
  statementRun(seconds: number): void;
  databaseFailed(failureClass: string): void;
  /** Counts a hit that was counted in the database because Redis did not answer. */
  redisFellBack(): void;
  /** Counts an attempt to send a mail: sent, deferred to another attempt, or failed for good. */
  mailTried(outcome: MailOutcome): void;
  /** Counts a run of background work. @param rows how many rows it handled; `null` when it failed */
  jobRun(task: string, seconds: number, rows: number | null): void;
  /** Registers gauges that are read at every scrape. */
  watch(readings: Readings): void;
  /** Registers gauges for work that one instance does for all. */
  watchJob(task: string, readings: JobReadings): void;
}

/** The state of work that one instance does for all. */
export interface JobReadings {
  readonly isOurs: () => boolean;
  /** When any instance last finished the work. */
  readonly finishedAt: () => Promise<Date | null>;
}

export type MailOutcome = (typeof MAIL_OUTCOMES)[number];

/** Values that are read at scrape time, and cost nothing before. */
export interface Readings {
  readonly hashes: () => { readonly running: number; readonly queued: number };
  readonly connections: () => {
    readonly used: number;
    readonly idle: number;
    readonly waiting: number;
  };
  /** How long the current key has been signing; `null` if there is none. */
  readonly signingKeyAgeMs: () => number | null;
  /** How far the database's clock is ahead of this machine's. */
  readonly clockOffsetMs: () => number;
  readonly redisIsUp?: (() => boolean) | undefined;
  readonly mail?:
    | (() => Promise<{
        readonly pending: number;
        readonly failed: number;
        readonly oldestPendingSeconds: number;
      }>)
    | undefined;
}

const MAIL_OUTCOMES = ['sent', 'deferred', 'failed'] as const;
const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const STATEMENT_BUCKETS = [0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 4];
const JOB_BUCKETS = [0.001, 0.01, 0.1, 1, 10, 60];

/** Makes the metrics of one service, in a registry of its own: two services in one process must not be added up. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { counter, histogram, gauge } = makersOf(registry);

  const requests = histogram('request_duration_seconds', 'How long requests took, by outcome.', {
    labelNames: ['route', 'operation', 'outcome'],
    buckets: REQUEST_BUCKETS,
  });
  const mutations = counter('mutations_total', 'Mutations by field and outcome.', [
    'field',
    'outcome',
  ]);
  const rateLimited = counter('rate_limited_total', 'Calls refused, by limit.', ['limit']);
  const lockouts = counter('lockouts_total', 'Lockouts after too many failed attempts.', [
    'subject',
  ]);
  const issued = counter('access_tokens_issued_total', 'Access tokens issued.');
  const refused = counter(
    'access_tokens_refused_total',
    'Requests whose access token was invalid.',
  );
  const hashWait = histogram('hash_wait_seconds', 'How long hashing waited in its queue.');
  const hashTime = histogram('hash_duration_seconds', 'How long hashing took.');
  const hashRefused = counter('hashes_refused_total', 'Hashing refused: the queue was full.');
  const acquire = histogram(
    'database_acquire_seconds',
    'How long statements waited for a database connection.',
    {
      buckets: STATEMENT_BUCKETS,
    },
  );
  const statements = histogram('database_statement_seconds', 'How long statements took.', {
    buckets: STATEMENT_BUCKETS,
  });
  const failures = counter('database_errors_total', 'Failures of the database.', ['class']);
  const fallbacks = counter(
    'redis_fallbacks_total',
    'Rate limit hits counted in the database because Redis did not answer.',
  );
  const mails = counter('mail_attempts_total', 'Attempts to send a mail.', ['outcome']);
  // start at 0, so that the first failure appears as an increase
  for (const outcome of MAIL_OUTCOMES) mails.inc({ outcome }, 0);
  const jobs = jobMetrics(registry);
  gauge('build_info', 'Which version runs; always 1.', () => ({ [ownVersion()]: 1 }), 'version');

  return {
    contentType: registry.contentType,
    read: () => registry.metrics(),
    request: ({ route, operation, outcome }, seconds) =>
      requests.observe({ route, operation, outcome }, seconds),
    mutation: (field, outcome) => mutations.inc({ field, outcome }),
    rateLimited: (limit) => rateLimited.inc({ limit }),
    locked: (subject) => lockouts.inc({ subject }),
    tokenIssued: () => issued.inc(),
    tokenRefused: () => refused.inc(),
    hashed(waitedSeconds, tookSeconds) {
      hashWait.observe(waitedSeconds);
      hashTime.observe(tookSeconds);
    },
    hashRefused: () => hashRefused.inc(),
    connectionAcquired: (seconds) => acquire.observe(seconds),
    statementRun: (seconds) => statements.observe(seconds),
    databaseFailed: (failureClass) => failures.inc({ class: failureClass }),
    redisFellBack: () => fallbacks.inc(),
    mailTried: (outcome) => mails.inc({ outcome }),
    jobRun: jobs,
    watch: (readings) => watchReadings(gauge, readings),
    watchJob: (task, readings) => watchJobReadings(gauge, task, readings),
  };
}

type Makers = ReturnType<typeof makersOf>;

function makersOf(registry: Registry) {
  const registers = [registry];
  return {
    counter: <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
      new Counter({ name: `latchkey_${name}`, help, labelNames, registers }),
    histogram: <Label extends string>(
      name: string,
      help: string,
      options: { labelNames?: Label[]; buckets?: number[] } = {},
    ) => {
      const { labelNames = [], buckets = REQUEST_BUCKETS } = options;
      return new Histogram({ name: `latchkey_${name}`, help, labelNames, buckets, registers });
    },
    /** @param read returns one value, or one value per label value */
    gauge(name: string, help: string, read: () => Reading | Promise<Reading>, label?: string) {
      new Gauge({
        name: `latchkey_${name}`,
        help,
        labelNames: label === undefined ? [] : [label],
        registers,
        async collect() {
          const reading = await read();
          if (typeof reading === 'number') return this.set(reading);
          for (const [value, number] of Object.entries(reading)) {
            this.set({ [label ?? 'kind']: value }, number);
          }
        },
      });
    },
  };
}

type Reading = number | Readonly<Record<string, number>>;

// the label is `task`, because Prometheus sets `job` itself and would rename ours
function jobMetrics(registry: Registry): Metrics['jobRun'] {
  const { counter, histogram } = makersOf(registry);
  const runs = counter('job_runs_total', 'Runs of background work.', ['task', 'outcome']);
  const rows = counter('job_rows_total', 'Rows that background work dealt with.', ['task']);
  const duration = histogram('job_duration_seconds', 'How long background work took.', {
    labelNames: ['task'],
    buckets: JOB_BUCKETS,
  });
  const success = new Gauge({
    name: 'latchkey_job_last_success_timestamp_seconds',
    help: 'When background work last succeeded.',
    labelNames: ['task'],
    registers: [registry],
  });
  return (task, seconds, count) => {
    runs.inc({ task, outcome: count === null ? 'failed' : 'ok' });
    duration.observe({ task }, seconds);
    if (count === null) return;
    rows.inc({ task }, count);
    success.setToCurrentTime({ task });
  };
}

function watchJobReadings(gauge: Makers['gauge'], task: string, readings: JobReadings): void {
  const finishedAt = async () => {
    const at = await readings.finishedAt().catch(() => null);
    return (at?.getTime() ?? Number.NaN) / 1000;
  };
  gauge(
    'job_lease_held',
    'Whether this instance does the work.',
    () => ({ [task]: Number(readings.isOurs()) }),
    'task',
  );
  gauge(
    'job_finished_timestamp_seconds',
    'When the work was last done, by whichever instance.',
    async () => ({ [task]: await finishedAt() }),
    'task',
  );
}

function watchReadings(gauge: Makers['gauge'], readings: Readings): void {
  const { hashes, connections, signingKeyAgeMs, clockOffsetMs, redisIsUp, mail } = readings;
  gauge('hashes_running', 'Hashes being computed.', () => hashes().running);
  gauge('hashes_queued', 'Hashes waiting in the queue.', () => hashes().queued);
  gauge('database_connections', 'Database connections, used and idle.', usedAndIdle, 'state');
  gauge(
    'database_waiting',
    'Statements waiting for a database connection.',
    () => connections().waiting,
  );
  gauge(
    'signing_key_age_seconds',
    'How long the current key has been signing.',
    () => (signingKeyAgeMs() ?? Number.NaN) / 1000,
  );
  gauge(
    'clock_offset_seconds',
    "How far the database's clock is ahead of this machine's; 0 if they agree.",
    () => clockOffsetMs() / 1000,
  );
  if (redisIsUp !== undefined) {
    gauge('redis_up', 'Whether rate limit hits are counted in Redis.', () => Number(redisIsUp()));
  }
  if (mail === undefined) return;
  // the database may be what is down, which is when the other metrics matter most
  const figures = () =>
    mail().catch(() => ({ pending: NaN, failed: NaN, oldestPendingSeconds: NaN }));
  gauge(
    'mails',
    'Mails that are pending, and mails that were given up.',
    async () => {
      const { pending, failed } = await figures();
      return { pending, failed };
    },
    'state',
  );
  gauge(
    'mail_oldest_pending_seconds',
    'How long the oldest mail has waited.',
    async () => (await figures()).oldestPendingSeconds,
  );

  function usedAndIdle(): Reading {
    const { used, idle } = connections();
    return { used, idle };
  }
}
