// Generated from schema.graphql and operations/ by `npm run documents`.

/** For `new InMemoryCache({ possibleTypes })`: what `... on Error` stands for. */
export const possibleTypes = {
  Error: [
    'AccountDisabled',
    'AccountLocked',
    'EmailNotVerified',
    'EmailTaken',
    'InvalidChallenge',
    'InvalidCode',
    'InvalidCredentials',
    'InvalidInput',
    'InvalidRefreshToken',
    'InvalidToken',
    'LastAdmin',
    'NotFound',
    'RefreshTokenReused',
    'SelfTargeted',
    'TotpAlreadyEnabled',
    'TotpNotEnabled',
    'UsernameTaken',
  ],
};
