import { parseArgs } from 'node:util';
import { ConfigError } from '../config-error.ts';
import type { Command, Terminal } from './command.ts';
import { checkCertificate } from './diagnosis/certificate.ts';
import { checkConfiguration } from './diagnosis/configuration.ts';
import { checkDatabase } from './diagnosis/database.ts';
import { type Finding, findingsOf } from './diagnosis/finding.ts';
import { checkGrants, checkMigrationUser } from './diagnosis/grants.ts';
import { checkMail } from './diagnosis/mail.ts';
import { checkRedis } from './diagnosis/redis.ts';
import { jsonText } from './json-text.ts';

/** Looks for problems around the service, and says how to fix them. */
export const doctor: Command = {
  name: 'doctor',
  summary: 'look for what is wrong around the service, and say how to mend it',
  help: `Looks for what is wrong around the service, in the environment that the service has, and says how
to mend it. It changes nothing, and may run beside the service.

  npm run cli -- doctor [--strict] [--json]

  --strict   count warnings as broken, as before a deployment
  --json     {"healthy": false, "findings": [{"check", "status", "message", "mend"}, ...]}

  configuration, secret, public-url, proxies
                  the variables, whether secrets can be guessed, what people are sent to
  certificate     for how long the one in HTTPS_CERT_PATH is good, where it is set
  database, tls   whether it can be reached, and safely
  version, charset, sql-mode, time-zone, clock, isolation, engine, capacity, writable, cluster
                  the server, as the service meets it
  migrations, stored-secrets, procedures
                  the tables, and whether AUTH_SECRET opens what is in them
  grants          whether the service's user has too few rights, or too many
  migration-user  the same of MIGRATION_DATABASE_URL, where it is set
  redis           whether rate limits can be counted in REDIS_URL, where it is set
  mail            whether the server in SMTP_URL lets the service in

ok is well, warning works and should not stay so, broken has to be mended.
Exit codes: 0 nothing is broken, 1 something is, 2 wrong usage.`,
  async run(args, terminal) {
    const { values } = parseArgs({
      args,
      options: {
        strict: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    const findings = await examine(terminal);
    const healthy = !findings.some(
      ({ status }) => status === 'broken' || (values.strict && status === 'warning'),
    );
    if (values.json) terminal.print(jsonText({ healthy, findings }));
    else report(terminal, findings);
    return healthy ? 0 : 1;
  },
};

async function examine(terminal: Terminal): Promise<Finding[]> {
  const env = terminal.environment();
  const { findings, config } = checkConfiguration(env);
  return [
    ...findings,
    ...checkCertificate(config, new Date()),
    ...(await examineDatabase(terminal, config)),
    ...(await checkRedis(config)),
    ...(await checkMail(config)),
  ];
}

async function examineDatabase(
  terminal: Terminal,
  config: ReturnType<typeof checkConfiguration>['config'],
): Promise<Finding[]> {
  try {
    return await terminal.withConnections(async ({ service, migration }) => [
      ...(service === undefined
        ? []
        : [...(await checkDatabase(service, config)), ...(await checkGrants(service))]),
      ...(migration === service ? [] : await checkMigrationUser(migration)),
    ]);
  } catch (error) {
    // the findings already name the variables that are wrong
    if (error instanceof ConfigError) return [];
    const message = error instanceof Error ? error.message : String(error);
    return [findingsOf('database').broken(message, 'Mend that, or set DATABASE_URL.')];
  }
}

function report(terminal: Terminal, findings: Finding[]): void {
  for (const { check, status, message, mend } of findings) {
    terminal.print(`${status.padEnd(8)} ${check.padEnd(15)} ${message}`);
    if (mend !== undefined) terminal.print(`${' '.repeat(25)}${mend}`);
  }
  const broken = findings.filter(({ status }) => status === 'broken').length;
  const warnings = findings.filter(({ status }) => status === 'warning').length;
  terminal.print(`\n${broken} broken, ${warnings} warnings.`);
}
