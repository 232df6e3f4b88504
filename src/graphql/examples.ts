/** The main flows, for GraphiQL to open with. */
export const EXAMPLE_OPERATIONS: readonly string[] = [
  `# 1. Register. You are signed in at once: copy the access token.
mutation Register {
  register(
    input: { email: "ada@example.com", username: "ada", password: "four words in a row" }
  ) {
    ... on RegisterSuccess {
      user { id email }
      tokens { accessToken refreshToken expiresAt }
    }
    ... on InvalidInput { fields { path message } }
    ... on Error { code message }
  }
}
`,
  `# 2. Sign in, by e-mail address or username.
mutation Login {
  login(input: { identifier: "ada", password: "four words in a row", remember: true }) {
    ... on LoginSuccess {
      user { id email }
      tokens { accessToken refreshToken expiresAt deviceToken }
    }
    ... on MfaRequired { challenge methods expiresAt }
    ... on AccountLocked { retryAfter }
    ... on Error { code message }
  }
}
`,
  `# 3. Who am I? Put the access token into the headers below:
#    { "Authorization": "Bearer <accessToken>" }
query Me {
  me {
    id
    email
    username
    role
    totpEnabled
    sessions { id current createdAt ipAddress userAgent }
    auditEvents(first: 10) { edges { node { type at ipAddress } } }
  }
}
`,
  `# 4. The access token lasts a quarter of an hour; then refresh.
mutation Refresh {
  refresh(input: { refreshToken: "" }) {
    ... on RefreshSuccess { tokens { accessToken refreshToken expiresAt } }
    ... on Error { code message }
  }
}
`,
  `# 5. Forgot the password? The answer is the same for every address; the link in the mail has the token.
mutation Forgot {
  requestPasswordReset(input: { email: "ada@example.com" }) { message }
}

mutation Choose {
  resetPassword(input: { token: "", newPassword: "five other words in a row" }) {
    ... on ResetPasswordSuccess { message }
    ... on InvalidInput { fields { path message } }
    ... on Error { code message }
  }
}
`,
  `# 6. Turn on TOTP: scan the QR code with an app, then confirm by its first code.
mutation EnableTotp {
  enableTotp(input: { currentPassword: "four words in a row" }) {
    ... on EnableTotpSuccess { secret uri qrCode }
    ... on Error { code message }
  }
}

mutation ConfirmTotp {
  confirmTotp(input: { code: "" }) {
    ... on ConfirmTotpSuccess { recoveryCodes user { totpEnabled } }
    ... on Error { code message }
  }
}
`,
];
