/** The main flows, for GraphiQL to open with. */
export const EXAMPLE_OPERATIONS: readonly { query: string; variables?: object }[] = [
  {
    query: `# 1. Register. You are signed in at once: copy the access token.
mutation Register($input: RegisterInput!) {
  register(input: $input) {
    ... on RegisterSuccess {
      user { id email }
      tokens { accessToken refreshToken expiresAt }
    }
    ... on InvalidInput { message fields { path message } }
    ... on Error { code message }
  }
}
`,
    variables: {
      input: { email: 'ada@example.com', password: 'four words in a row', username: 'ada' },
    },
  },
  {
    query: `# 2. Sign in, by e-mail address or username.
mutation Login($input: LoginInput!) {
  login(input: $input) {
    ... on LoginSuccess {
      user { id email }
      tokens { accessToken refreshToken expiresAt deviceToken }
    }
    ... on MfaRequired { challenge methods expiresAt }
    ... on AccountLocked { message retryAfter }
    ... on Error { code message }
  }
}
`,
    variables: { input: { identifier: 'ada', password: 'four words in a row', remember: true } },
  },
  {
    query: `# 3. Who am I? Put the access token into the headers below:
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
  },
  {
    query: `# 4. The access token lasts a quarter of an hour; then refresh.
mutation Refresh($refreshToken: String!) {
  refresh(input: { refreshToken: $refreshToken }) {
    ... on RefreshSuccess { tokens { accessToken refreshToken expiresAt } }
    ... on Error { code message }
  }
}
`,
    variables: { refreshToken: '' },
  },
  {
    query: `# 5. Turn on TOTP: scan the QR code, then confirm by the first code.
mutation EnableTotp($currentPassword: String!) {
  enableTotp(input: { currentPassword: $currentPassword }) {
    ... on EnableTotpSuccess { secret uri qrCode }
    ... on Error { code message }
  }
}

mutation ConfirmTotp($code: String!) {
  confirmTotp(input: { code: $code }) {
    ... on ConfirmTotpSuccess { recoveryCodes user { totpEnabled } }
    ... on Error { code message }
  }
}
`,
    variables: { currentPassword: 'four words in a row', code: '' },
  },
];
