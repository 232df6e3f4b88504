import type { Json } from '../json.ts';
import { listEvents } from '../records/audit-event.ts';
import { listEmailTokens } from '../records/email-token.ts';
import { listMails } from '../records/outbox.ts';
import { listAllSessions } from '../records/session.ts';
import type { User } from '../records/user.ts';
import type { Deps } from './deps.ts';

const PAGE = 500;

/** Everything stored about a person, secrets left out, in a form that says which version of it this is. */
export async function exportUserData(deps: Deps, user: User): Promise<Json> {
  const sessions = await listAllSessions(deps.db, user.id);
  const events = [];
  for (let after: string | null = null; ; ) {
    const page = await listEvents(deps.db, { userId: user.id }, { limit: PAGE, after });
    events.push(...page);
    after = page.at(-1)?.id ?? null;
    if (page.length < PAGE) break;
  }
  return plain({
    version: 1,
    exportedAt: deps.now(),
    user,
    sessions: sessions.map(({ nonce: _secret, ...session }) => session),
    emailLinks: await listEmailTokens(deps.db, user.id),
    mails: await listMails(deps.db, user.id),
    auditEvents: events,
  });
}

/** Dates become ISO 8601 text, as JSON has it. */
function plain(value: unknown): Json {
  return JSON.parse(JSON.stringify(value));
}
