import { linkOf } from '../mail/link.ts';
import type { Mail } from '../mail/message.ts';
import { type RenderedMail, renderMail } from '../mail/rendering.ts';
import { listKeptMails, openEnvelope, type SealedMail } from '../records/mail-delivery.ts';
import type { Deps } from './deps.ts';

/** A mail that was kept for the developer instead of being sent. */
export interface KeptMail extends RenderedMail {
  id: string;
  kind: string;
  to: string;
  at: Date;
  link: string | null;
}

const NEWEST = 100;

/** The newest mails that were kept, or only the one with this `id`. */
export async function readMailbox(
  deps: Pick<Deps, 'db' | 'config' | 'keyring'>,
  id?: string,
): Promise<KeptMail[]> {
  return (await listKeptMails(deps.db, NEWEST, id)).flatMap((sealed) => opened(deps, sealed));
}

function opened(
  { config, keyring }: Pick<Deps, 'config' | 'keyring'>,
  { id, envelope }: SealedMail,
): KeptMail[] {
  let mail: Mail;
  try {
    mail = openEnvelope(keyring.keys('mail'), id, envelope);
  } catch {
    // encrypted under another AUTH_SECRET: in development the secret is in a file, which somebody may have deleted
    return [];
  }
  const { templates, sender } = config.mail;
  const { publicUrl } = config;
  const { to, at, message } = mail;
  const link = linkOf(message, publicUrl);
  const rendered = renderMail({ templates, sender, publicUrl }, mail);
  return [{ id, kind: message.kind, to, at: new Date(at), link, ...rendered }];
}
