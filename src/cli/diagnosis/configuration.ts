import { type Config, loadConfig } from '../../config.ts';
import { ConfigError } from '../../config-error.ts';
import { isGuessableSecret } from '../../environment-problems.ts';
import { chosenLimits } from '../../graphql/rate-limit.ts';
import { useTrustedDocuments } from '../../graphql/trusted-documents.ts';
import { parseTrustedProxies } from '../../http/client-address.ts';
import { isLocal } from '../../public-url.ts';
import type { Variables } from '../../variables.ts';
import { type Finding, findingsOf } from './finding.ts';
import { checkNames } from './variable-names.ts';

const MEND = 'Correct the variable; "Configuration" in README.md describes it.';

const configuration = findingsOf('configuration');
const secret = findingsOf('secret');
const publicUrl = findingsOf('public-url');
const proxies = findingsOf('proxies');

/** Checks the variables as the service does at its start. @returns `config` is `null` if the service would not start */
export function checkConfiguration(env: Variables): {
  findings: Finding[];
  config: Config | null;
} {
  const config = problemsOf(() => loadConfig(env));
  if ('problems' in config) {
    const findings = config.problems.map((problem) => brokenVariable(problem));
    return { findings: [...findings, ...checkNames(env)], config: null };
  }
  const problems = startProblems(config.value);
  const findings =
    problems.length > 0
      ? problems.map((problem) => brokenVariable(problem))
      : [configuration.ok(`It is valid, for ${config.value.profile}.`)];
  return {
    findings: [
      ...findings,
      ...checkNames(env),
      ...checkSecrets(env, config.value),
      ...checkPublicUrl(env, config.value),
    ],
    config: config.value,
  };
}

function brokenVariable(problem: string): Finding {
  if (/^(AUTH|JWT)_SECRET /.test(problem)) {
    return secret.broken(problem, 'Set it to what `openssl rand -base64 48` prints.');
  }
  const check = problem.startsWith('PUBLIC_URL ') ? publicUrl : configuration;
  return check.broken(problem, MEND);
}

/** Problems that only a later step of the service's start would reveal. */
function startProblems(config: Config): string[] {
  const { persistedOperations, trustedProxies } = config;
  const steps = [
    () => chosenLimits({ config }),
    () => parseTrustedProxies(trustedProxies),
    () => persistedOperations !== undefined && useTrustedDocuments([persistedOperations]),
  ];
  return steps.flatMap((step) => {
    const outcome = problemsOf<unknown>(step);
    return 'problems' in outcome ? outcome.problems : [];
  });
}

function problemsOf<T>(work: () => T): { value: T } | { problems: readonly string[] } {
  try {
    return { value: work() };
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.problems };
    return { problems: [error instanceof Error ? error.message : String(error)] };
  }
}

function checkSecrets(env: Variables, config: Config): Finding[] {
  const findings: Finding[] = [];
  const { secrets, tokens } = config;
  if (!env.AUTH_SECRET?.trim()) {
    findings.push(
      secret.ok(
        'AUTH_SECRET is not set; one was generated in DATA_DIR. In production it is required.',
      ),
    );
  } else if (secrets.some(isGuessableSecret)) {
    findings.push(
      secret.warning(
        'An entry of AUTH_SECRET can be guessed; in production the service would refuse it.',
        'Set it to what `openssl rand -base64 48` prints, and keep the old one behind it for a while.',
      ),
    );
  } else if (secrets.length > 1) {
    findings.push(secret.ok(`AUTH_SECRET has ${secrets.length} entries: it is being rotated.`));
  } else {
    findings.push(secret.ok('AUTH_SECRET is long and random enough.'));
  }
  if (tokens.sharedSecret !== undefined && secrets.includes(tokens.sharedSecret)) {
    findings.push(
      secret.broken(
        'JWT_SECRET is an entry of AUTH_SECRET: every backend that verifies tokens could derive all keys.',
        'Set JWT_SECRET to another value, as `openssl rand -base64 48` prints.',
      ),
    );
  }
  return findings;
}

function checkPublicUrl(env: Variables, config: Config): Finding[] {
  const isHere = isLocal(config.publicUrl);
  const isProduction = config.profile === 'production';
  const findings: Finding[] = [];
  if (isProduction && isHere) {
    findings.push(
      publicUrl.warning(
        'PUBLIC_URL is localhost: tokens name it as their issuer, and links in mails lead there.',
        'Set it to where people reach the service, such as https://auth.example.com.',
      ),
    );
  } else if (!isProduction && !isHere) {
    findings.push(
      publicUrl.warning(
        `PUBLIC_URL is not localhost, but NODE_ENV is ${config.profile}: GraphiQL and introspection are open, and weak secrets are accepted.`,
        'Set NODE_ENV=production.',
      ),
    );
  } else {
    findings.push(publicUrl.ok(`It is ${config.publicUrl}.`));
  }
  const endsTlsItself = config.https !== undefined;
  const isHttps = config.publicUrl.startsWith('https:');
  if (isProduction && isHttps && !endsTlsItself && !env.TRUSTED_PROXIES?.trim()) {
    findings.push(
      proxies.warning(
        'TRUSTED_PROXIES is empty, but something in front must terminate TLS: all clients look like one address and share its rate limits.',
        'Set it to the number of proxies in front, such as 1, or to 0 if there are none.',
      ),
    );
  }
  return findings;
}
