import { parseArgs } from 'node:util';
import { rewrapSecrets } from '../flows/secret-rotation.ts';
import { type Command, UsageError } from './command.ts';
import { jsonText } from './json-text.ts';

/** Re-encrypts stored secrets from older entries of AUTH_SECRET to the current one. */
export const secrets: Command = {
  name: 'secrets',
  summary: 'encrypt what is stored under the current AUTH_SECRET',
  help: `Encrypts what is stored under the current entry of AUTH_SECRET, so that an old one can go.

  npm run cli -- secrets rewrap [--json]

To change the secret: append the new one, AUTH_SECRET=OLD,NEW, on every instance; when all
know it, put it first, AUTH_SECRET=NEW,OLD, on every instance; run this; and take OLD out
once all sessions begun under it have been refreshed or have ended (REFRESH_TOKEN_TTL).
Recovery codes are stored as digests that cannot be moved: those made
under OLD are void with it, and their owners get new ones by regenerateRecoveryCodes.

It may run beside the service, and again after it was interrupted.

  --json   {"signingKeys": 1, "totpSecrets": 20, "mails": 3}

Exit codes: 0 done, 1 failed, as when an entry of AUTH_SECRET is missing, 2 wrong usage.`,
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
        : `Encrypted anew: ${done.signingKeys} signing keys, ${done.totpSecrets} TOTP secrets, ${done.mails} mails.`,
    );
    return 0;
  },
};
