/** The main flows, which GraphiQL opens as its first tabs. */
export const EXAMPLE_OPERATIONS: readonly string[] = [
  `# 1. Register. You are signed in at once: copy the access token.
mutation Register {
  register(
    input: {
      email: "ada@example.com"
      username: "ada"
      password: "four words in a row"
    }
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
  login(
    input: { identifier: "ada", password: "four words in a row", remember: true }
  ) {
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
  `# 7. With TOTP, login answers MfaRequired: complete it by a code of the app, or by a recovery code.
mutation CompleteLogin {
  completeLogin(input: { challenge: "", code: "" }) {
    ... on LoginSuccess { tokens { accessToken refreshToken expiresAt } }
    ... on Error { code message }
  }
}
`,
  `# 8. Change the profile. An address or a password of its own needs currentPassword.
mutation UpdateProfile {
  updateProfile(input: { displayName: "Ada", phrase: "seven sleepy seals" }) {
    ... on UpdateProfileSuccess { user { displayName phrase } tokens { accessToken refreshToken } }
    ... on InvalidInput { fields { path message } }
    ... on Error { code message }
  }
}
`,
  `# 9. Confirm an address by the token of the mailed link.
mutation VerifyEmail {
  verifyEmail(input: { token: "" }) {
    ... on VerifyEmailSuccess { user { email emailVerified } }
    ... on Error { code message }
  }
}
`,
  `# 10. Sign out, here or everywhere; or end one session by its id.
mutation Logout {
  logout(everywhere: false) { endedSessions }
}

mutation RevokeSession {
  revokeSession(id: "") {
    ... on RevokeSessionSuccess { session }
    ... on Error { code message }
  }
}
`,
  `# 11. For administrators.
query Admin {
  admin {
    dashboard { users activeSessions loginsLast24h failedLoginsLast24h lockedAccounts }
    users(first: 20, search: "") { totalCount edges { node { id email role status } } }
  }
}

mutation UpdateUser {
  updateUser(input: { id: "", appMetadata: { role: "librarian" } }) {
    ... on UpdateUserSuccess { user { role status appMetadata } }
    ... on Error { code message }
  }
}
`,
];
