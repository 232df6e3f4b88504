import type { MailKind } from './message.ts';

/** The messages as they are shipped. `npm run cli -- mail templates FOLDER` writes them to files, to be changed. */
export const DEFAULT_TEMPLATES: Readonly<Record<MailKind | 'phrase', string>> = {
  'verify-email': `Subject: Confirm your e-mail address

# Confirm your e-mail address

Somebody, probably you, used {{email}} for an account with {{name}} on {{time}}. Please confirm that the address is yours.

[Confirm this e-mail address]({{link}})

The link works once, until {{expiry}}.

If it was not you, ignore this message. Without the link nobody can confirm your address.
`,
  'already-registered': `Subject: You have an account already

# You have an account already

Somebody, probably you, tried to register {{email}} with {{name}} on {{time}}. There is an account with this address, so nothing was created or changed.

[Sign in to your account]({{account}})

If you have forgotten your password, have it reset there.

If it was not you, ignore this message. Whoever it was has not learnt that you have an account.
`,
  'reset-password': `Subject: Choose a new password

# Choose a new password

Somebody, probably you, asked on {{time}} to reset the password of your account with {{name}}.

[Choose a new password]({{link}})

The link works once, until {{expiry}}. Whoever opens it can change your password, so do not forward this message.

If it was not you, ignore this message. Without the link nobody can choose your password.
`,
  invitation: `Subject: You are invited to {{name}}

# You are invited

An administrator of {{name}} has made an account for {{email}}. Choose a password to begin.

[Accept the invitation]({{link}})

The link works once, until {{expiry}}.

If you did not expect this, ignore this message. Nobody can use the account without the link.
`,
  'confirm-email-change': `Subject: Confirm your new e-mail address

# Confirm your new e-mail address

Somebody, probably you, asked on {{time}} to use {{email}} for their account with {{name}}. The old address stays in force until you confirm this one.

[Confirm this e-mail address]({{link}})

The link works once, until {{expiry}}.

If it was not you, ignore this message. Without the link your address is not used.
`,
  'email-changed': `Subject: Your e-mail address was changed

# Your e-mail address was changed

Since {{time}} your account with {{name}} uses {{newEmail}} instead of {{email}}. Messages and sign-ins go by the new address from now on.

If it was you, there is nothing to do.

If it was not you, somebody else is in your account. Take it back at once:

[Undo the change of address]({{link}})

The link works once, until {{expiry}}.
`,
  'password-changed': `Subject: Your password was changed

# Your password was changed

The password of your account with {{name}} was changed on {{time}}. Other devices have been signed out.

If it was you, there is nothing to do.

If it was not you, somebody else is in your account. Reset the password at once, and then look at your devices:

[Go to your account]({{account}})
`,
  'totp-enabled': `Subject: Two-step sign-in is on

# Two-step sign-in is on

Since {{time}} signing in to your account with {{name}} takes a code of an authenticator app. Keep your recovery codes where you find them without your phone.

If it was you, there is nothing to do.

If it was not you, somebody else is in your account. Change your password at once:

[Go to your account]({{account}})
`,
  'totp-disabled': `Subject: Two-step sign-in is off

# Two-step sign-in is off

Since {{time}} signing in to your account with {{name}} takes the password only.

If it was you, there is nothing to do.

If it was not you, somebody else is in your account. Change your password at once, and turn two-step sign-in on again:

[Go to your account]({{account}})
`,
  'new-device': `Subject: A new device signed in

# A new device signed in

Somebody signed in to your account with {{name}} on {{time}}, from a device that was not known before.

Device: {{device}}

Network address: {{ipAddress}}

If it was you, there is nothing to do.

If it was not you, somebody else has your password. Change it at once, and sign that device out:

[Go to your account]({{account}})
`,
  'refresh-token-reused': `Subject: You were signed out for safety

# You were signed out for safety

On {{time}} an old key of one of your sessions with {{name}} was used again. This happens when a session has been copied, so the session was ended.

Sign in again on that device. If you see this more than once, change your password and look at your devices:

[Go to your account]({{account}})
`,
  'account-deleted': `Subject: Your account was deleted

# Your account was deleted

Your account with {{name}} and {{email}} was deleted on {{time}}, with all that was kept about you in it.

If it was not you, somebody else was in your account. Please write to {{name}} at once.
`,
  phrase: `Your anti-phishing phrase is: {{phrase}}

You find it in your profile as well. A message that claims to be from {{name}} without it is a forgery.
`,
};

/** The page around every message. It leaves the colours to the reader's device where styles are not kept. */
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
