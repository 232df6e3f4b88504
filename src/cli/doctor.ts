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
  summary: 'find problems in the configuration and its servers, and say how to fix them',
  help: `Looks for problems in the configuration, the database and the other servers, and says how to fix
them. Run it with the environment of the service. It changes nothing, and is safe to run while
the service runs.

  npm run cli -- doctor [--strict] [--json]

  --strict   treat warnings as broken, such as before a deployment
  --json     {"healthy": false, "findings": [{"check", "status", "message", "mend"}, ...]}

  configuration, secret, public-url, proxies
                  the variables, whether secrets can be guessed, and the public URL
  certificate     how long the one in HTTPS_CERT_PATH is valid, and for which name
  database, tls   whether it can be reached, and over TLS
  version, charset, sql-mode, time-zone, clock, isolation, engine, capacity, writable, cluster
                  the server's settings, as the service sees them
  migrations, stored-secrets, procedures
                  the tables, and whether AUTH_SECRET decrypts what is in them
  grants          whether the service's user has too few rights, or too many
  migration-user  the same for MIGRATION_DATABASE_URL, if it is set
  redis           whether the Redis in REDIS_URL can count rate limits, if it is set
  mail            whether the server in SMTP_URL accepts the service's login

warning: it works, but should be fixed; broken: it has to be fixed.
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
  const isOwn = config !== null && config.database.connection === undefined;
  try {
    return await terminal.withConnections(async ({ service, migration }) => [
      ...(service === undefined
        ? []
        : [...(await checkDatabase(service, config)), ...(await checkGrants(service, isOwn))]),
      ...(migration === service ? [] : await checkMigrationUser(migration)),
    ]);
  } catch (error) {
    // the findings already name the variables that are wrong
    if (error instanceof ConfigError) return [];
    const message = error instanceof Error ? error.message : String(error);
    return [findingsOf('database').broken(message, 'Fix that, or set DATABASE_URL.')];
  }
}

function report(terminal: Terminal, findings: Finding[]): void {
  for (const { check, status, message, mend } of findings) {
    terminal.print(`${status.padEnd(8)} ${check.padEnd(15)} ${message}`);
    if (mend !== undefined) terminal.print(`${' '.repeat(25)}${mend}`);
  }
  const broken = findings.filter(({ status }) => status === 'broken').length;
  const warnings = findings.filter(({ status }) => status === 'warning').length;
  terminal.print(`\n${broken} broken, ${warnings} warning${warnings === 1 ? '' : 's'}.`);
}
