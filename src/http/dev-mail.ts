import { escapeHtml } from '../html.ts';
import type { HttpHandler, HttpRequest, HttpResponse, Route } from './exchange.ts';
import { refuse } from './refusal.ts';

/** A mail as developers see it. */
export interface DevMail {
  readonly id: string;
  readonly kind: string;
  readonly to: string;
  readonly at: Date;
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

const PATH = '/dev/mail';
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** For our own pages: inline styles, and a same-origin frame for the message. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** For the message itself: no scripts, nothing loaded, and links open in a new window. */
const MESSAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox";

const STYLE = `:root { color-scheme: light dark; }
html { background: light-dark(#ffffff, #14181d); color: light-dark(#1c2128, #e6e9ed); }
a { color: light-dark(#0a4fb3, #8ab8ff); }
body { max-width: 860px; margin: 24px auto; padding: 0 16px; font: 16px/1.5 system-ui, sans-serif; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 6px 12px 6px 0; border-bottom: 1px solid #8886; text-align: left; overflow-wrap: anywhere; }
iframe { width: 100%; height: 620px; border: 1px solid #8888; }
pre { padding: 12px; border: 1px solid #8888; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 14px; }`;

/**
 * `/dev/mail`: for developers, the mails that were kept instead of being sent. It does not exist in production, because
 * it shows everybody's links.
 *
 * @param options.read the newest mails, or the one with an id
 * @param options.hosts the host names to answer to; any other indicates DNS rebinding, where a foreign page points its
 *   own name at this machine
 */
export function createDevMailRoute(options: {
  readonly read: (id?: string) => Promise<readonly DevMail[]>;
  readonly hosts: ReadonlySet<string>;
}): Route {
  const { read, hosts } = options;
  const handle: HttpHandler = async (request) => {
    if (!hosts.has(hostOf(request))) return nothing(request);
    const asked = new URLSearchParams(request.url.slice(request.path.length));
    const id = asked.get('id');
    if (id === null) return page('Mail', listOf(await read()));
    const [mail] = UUID.test(id) ? await read(id) : [];
    if (mail === undefined) return nothing(request);
    if (asked.get('part') === 'html') return messageOf(mail);
    return page(escapeHtml(mail.subject), pageOf(mail));
  };
  return { GET: handle };
}

function hostOf({ headers }: HttpRequest): string {
  return (headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
}

function nothing({ headers }: HttpRequest): HttpResponse {
  return refuse({ status: 404, message: 'There is no such mail.' }, headers.accept);
}

function listOf(mails: readonly DevMail[]): string {
  const rows = mails.map(
    ({ id, at, to, kind, subject }) =>
      `<tr><td><time datetime="${at.toISOString()}">${at.toISOString().slice(0, 19).replace('T', ' ')}</time></td>` +
      `<td>${escapeHtml(to)}</td><td>${escapeHtml(kind)}</td><td><a href="${PATH}?id=${id}">${escapeHtml(subject)}</a></td></tr>`,
  );
  const table = `<table><thead><tr><th scope="col">When (UTC)</th><th scope="col">To</th><th scope="col">Kind</th><th scope="col">Subject</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
  return `<h1>Mail</h1>
<p>Without <code>SMTP_URL</code> mail is kept here and not sent. The newest is first; reload for more.</p>
${rows.length === 0 ? '<p>There is none yet.</p>' : table}`;
}

function pageOf({ id, at, to, kind, subject, text }: DevMail) {
  const linked = escapeHtml(text).replace(
    /https?:\/\/[^\s<>"]+/g,
    (url) => `<a href="${url}" rel="noreferrer">${url}</a>`,
  );
  return `<p><a href="${PATH}">All mail</a></p>
<h1>${escapeHtml(subject)}</h1>
<p>To ${escapeHtml(to)}, ${at.toISOString()}, ${escapeHtml(kind)}</p>
<h2>Plain text</h2>
<pre>${linked}</pre>
<h2>HTML</h2>
<iframe title="The message in HTML" src="${PATH}?id=${id}&amp;part=html" sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>`;
}

function messageOf({ html }: DevMail): HttpResponse {
  return {
    status: 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': MESSAGE_POLICY,
      'x-frame-options': 'SAMEORIGIN',
    },
    // open links in a new window, because the frame is not allowed to navigate to them
    body: html.replace(/<head>/i, '<head><base target="_blank">'),
  };
}

/** @param title and @param body are HTML */
function page(title: string, body: string): HttpResponse {
  return {
    status: 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': PAGE_POLICY,
    },
    body: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style></head>
<body><main>${body}</main></body></html>`,
  };
}
