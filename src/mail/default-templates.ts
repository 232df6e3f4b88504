import type { MailKind } from './message.ts';

/** The default messages. `npm run cli -- mail templates FOLDER` writes them to files for the operator to edit. */
export const DEFAULT_TEMPLATES: Readonly<Record<MailKind | 'phrase', string>> = {
  'verify-email': `Subject: Confirm your e-mail address

# Confirm your e-mail address

Someone, probably you, used {{email}} for an account with {{name}} on {{time}}. Please confirm that this address is yours.

[Confirm this e-mail address]({{link}})

The link works once, until {{expiry}}.

If this was not you, ignore this message. Nobody can confirm your address without the link.
`,
  'already-registered': `Subject: You already have an account

# You already have an account

Someone, probably you, tried to register {{email}} with {{name}} on {{time}}. This address already has an account, so nothing was created or changed.

[Sign in to your account]({{account}})

If you have forgotten your password, you can reset it there.

If this was not you, ignore this message. Whoever tried has not learned that you have an account.
`,
  'reset-password': `Subject: Choose a new password

# Choose a new password

Use this link to choose a new password for your account with {{name}}. It was sent on {{time}} because someone, probably you, asked for it, or because the e-mail address of the account was confirmed or restored and its earlier password no longer works.

[Choose a new password]({{link}})

The link works once, until {{expiry}}. Anyone who opens it can change your password, so do not forward this message.

If this was not you, ignore this message. Nobody can change your password without the link.
`,
  invitation: `Subject: You are invited to {{name}}

# You are invited

An administrator of {{name}} has created an account for {{email}}. Choose a password to get started.

[Accept the invitation]({{link}})

The link works once, until {{expiry}}.

If you did not expect this, ignore this message. Nobody can use the account without the link.
`,
  'confirm-email-change': `Subject: Confirm your new e-mail address

# Confirm your new e-mail address

Someone, probably you, asked on {{time}} to use {{email}} for their account with {{name}}. The account keeps its current address until you confirm this one.

[Confirm this e-mail address]({{link}})

The link works once, until {{expiry}}.

If this was not you, ignore this message. Nobody can use your address without the link.
`,
  'email-changed': `Subject: Your e-mail address was changed

# Your e-mail address was changed

Since {{time}} your account with {{name}} uses {{newEmail}} instead of {{email}}. From now on, sign in with the new address. Messages go there too.

If this was you, you do not need to do anything.

If this was not you, someone else has access to your account. Take it back now:

[Undo the change of address]({{link}})

The link works once, until {{expiry}}.
`,
  'password-changed': `Subject: Your password was changed

# Your password was changed

The password of your account with {{name}} was changed on {{time}}. Your other devices have been signed out.

If this was you, you do not need to do anything.

If this was not you, someone else has access to your account. Reset your password now, and then check your sessions:

[Go to your account]({{account}})
`,
  'totp-enabled': `Subject: Two-factor authentication is on

# Two-factor authentication is on

Since {{time}} signing in to your account with {{name}} takes a code from an authenticator app as well as your password. Keep your recovery codes in a place that you can reach without your phone.

If this was you, you do not need to do anything else.

If this was not you, someone else has access to your account. Change your password now:

[Go to your account]({{account}})
`,
  'totp-disabled': `Subject: Two-factor authentication is off

# Two-factor authentication is off

Since {{time}} signing in to your account with {{name}} takes only your password.

If this was you, you do not need to do anything.

If this was not you, someone else has access to your account. Change your password now, and turn two-factor authentication on again:

[Go to your account]({{account}})
`,
  'new-device': `Subject: New device signed in to your account

# New device signed in to your account

Someone signed in to your account with {{name}} on {{time}}, from a device that has not been used for it before.

Device: {{device}}

IP address: {{ipAddress}}

If this was you, you do not need to do anything.

If this was not you, someone else knows your password. Change it now, and end the session of that device:

[Go to your account]({{account}})
`,
  'refresh-token-reused': `Subject: You were signed out for your security

# You were signed out for your security

On {{time}} an old key of one of your sessions with {{name}} was used again. This happens when someone has copied a session, so the session has been ended.

Sign in again on that device. If you get this message more than once, change your password and check your sessions:

[Go to your account]({{account}})
`,
  'account-deleted': `Subject: Your account was deleted

# Your account was deleted

Your account with {{name}} for {{email}} was deleted on {{time}}, together with your personal data in it.

If this was not you, someone else had access to your account. Please contact {{name}} at once.
`,
  phrase: `Your anti-phishing phrase is: {{phrase}}

You can also see it in your profile. If a message claims to be from {{name}} but does not show this phrase, it is a forgery.
`,
};

/** The HTML page around every message. If a mail program removes the styles, the reader's own colours apply. */
export const DEFAULT_LAYOUT = `<!doctype html>
<html lang="{{lang}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{{subject}}</title>
<style>
:root { color-scheme: light dark; supported-color-schemes: light dark; }
body { margin: 0; padding: 24px 16px; background: #ffffff; color: #1c2128; font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
main { max-width: 560px; margin: 0 auto; overflow-wrap: anywhere; }
h1 { margin: 0 0 16px; font-size: 24px; line-height: 1.25; }
p { margin: 0 0 16px; }
a { color: #0a4fb3; }
.action a { display: inline-block; padding: 12px 20px; border-radius: 6px; background: #0a4fb3; color: #ffffff; font-weight: 600; text-decoration: none; }
.url { font-size: 14px; }
.phrase { margin-top: 24px; padding: 12px 16px 0; border: 1px solid #57606a; border-radius: 6px; overflow: hidden; }
footer { margin-top: 24px; padding-top: 12px; border-top: 1px solid #57606a; font-size: 14px; }
@media (prefers-color-scheme: dark) {
  body { background: #14181d; color: #e6e9ed; }
  a { color: #8ab8ff; }
  .action a { background: #8ab8ff; color: #10151b; }
  .phrase, footer { border-color: #9aa4af; }
}
</style>
</head>
<body>
<main>
{{content}}
<footer><p>{{name}}</p></footer>
</main>
</body>
</html>
`;
