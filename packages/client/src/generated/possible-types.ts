// Generated from schema.graphql and operations/ by `npm run documents`.

/** For `new InMemoryCache({ possibleTypes })`: what unions and `... on Error` stand for. */
export const possibleTypes: Record<string, string[]> = {
  CompleteLoginResult: ['AccountDisabled', 'InvalidChallenge', 'InvalidCode', 'LoginSuccess'],
  ConfirmTotpResult: ['ConfirmTotpSuccess', 'InvalidCode', 'TotpAlreadyEnabled', 'TotpNotEnabled'],
  CreateUserResult: ['CreateUserSuccess', 'EmailTaken', 'InvalidInput', 'UsernameTaken'],
  DeleteAccountResult: ['DeleteAccountSuccess', 'InvalidCode', 'InvalidCredentials', 'InvalidInput', 'LastAdmin'],
  DeleteUserResult: ['DeleteUserSuccess', 'LastAdmin', 'NotFound', 'SelfTargeted'],
  DisableTotpResult: ['DisableTotpSuccess', 'InvalidCode', 'InvalidCredentials', 'TotpNotEnabled'],
  EnableTotpResult: ['EnableTotpSuccess', 'InvalidCredentials', 'TotpAlreadyEnabled'],
  Error: ['AccountDisabled', 'AccountLocked', 'EmailNotVerified', 'EmailTaken', 'InvalidChallenge', 'InvalidCode', 'InvalidCredentials', 'InvalidInput', 'InvalidRefreshToken', 'InvalidToken', 'LastAdmin', 'NotFound', 'RefreshTokenReused', 'SelfTargeted', 'TotpAlreadyEnabled', 'TotpNotEnabled', 'UsernameTaken'],
  LoginResult: ['AccountDisabled', 'AccountLocked', 'EmailNotVerified', 'InvalidCode', 'InvalidCredentials', 'LoginSuccess', 'MfaRequired'],
  RefreshResult: ['InvalidRefreshToken', 'RefreshSuccess', 'RefreshTokenReused'],
  RegenerateRecoveryCodesResult: ['InvalidCode', 'InvalidCredentials', 'RegenerateRecoveryCodesSuccess', 'TotpNotEnabled'],
  RegisterResult: ['EmailTaken', 'InvalidInput', 'RegisterSuccess', 'UsernameTaken', 'VerificationSent'],
  ResetPasswordResult: ['InvalidInput', 'InvalidToken', 'ResetPasswordSuccess'],
  ResetUserTotpResult: ['NotFound', 'ResetUserTotpSuccess', 'SelfTargeted'],
  RevokeSessionResult: ['NotFound', 'RevokeSessionSuccess'],
  RevokeUserSessionsResult: ['NotFound', 'RevokeUserSessionsSuccess'],
  UnlockUserResult: ['NotFound', 'UnlockUserSuccess'],
  UpdateProfileResult: ['EmailTaken', 'InvalidCredentials', 'InvalidInput', 'UpdateProfileSuccess', 'UsernameTaken'],
  UpdateUserResult: ['InvalidInput', 'LastAdmin', 'NotFound', 'SelfTargeted', 'UpdateUserSuccess'],
  VerifyEmailResult: ['EmailTaken', 'InvalidToken', 'VerifyEmailSuccess'],
};
