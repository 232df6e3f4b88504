import { parseArgs } from 'node:util';
import { rewrapSecrets } from '../flows/secret-rotation.ts';
import { type Command, UsageError } from './command.ts';
import { jsonText } from './json-text.ts';

/** Re-encrypts stored secrets from older entries of AUTH_SECRET to the current one. */
export const secrets: Command = {
  name: 'secrets',
  summary: 're-encrypt stored secrets under the current AUTH_SECRET',
  help: `Re-encrypts stored secrets under the current entry of AUTH_SECRET, so that an old entry can be
removed.

  npm run cli -- secrets rewrap [--json]

To change the secret:
  1. Append the new one, AUTH_SECRET=OLD,NEW, on every instance.
  2. When all instances have it, put it first, AUTH_SECRET=NEW,OLD, on every instance.
  3. Run this command.
  4. Remove OLD once all sessions that began under it have been refreshed or have ended
     (REFRESH_TOKEN_TTL).
Recovery codes are stored as digests, which cannot be re-encrypted: those made under OLD stop
working when it is removed. Their owners get new ones by regenerateRecoveryCodes.

It is safe to run while the service runs, and again after an interruption.

  --json   {"signingKeys": 1, "totpSecrets": 20, "mails": 3}

Exit codes: 0 done, 1 failed, such as when an entry of AUTH_SECRET is missing, 2 wrong usage.`,
  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false } },
    });
    if (positionals.join() !== 'rewrap') throw new UsageError('Say rewrap.');
    const done = await terminal.withServices(({ deps }) => rewrapSecrets(deps));
    terminal.print(
      values.json
        ? jsonText(done)
        : `Re-encrypted: ${done.signingKeys} signing keys, ${done.totpSecrets} TOTP secrets, ${done.mails} mails.`,
    );
    return 0;
  },
};
