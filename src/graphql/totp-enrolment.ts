import {
  confirmTotp,
  disableTotp,
  enableTotp,
  regenerateRecoveryCodes,
  type TotpEnrolment,
} from '../flows/totp-enrolment.ts';
import type { User } from '../records/user.ts';
import { builder } from './builder.ts';
import { asResult, resultUnion } from './result.ts';
import { UserObject } from './user.ts';

const CURRENT_PASSWORD = {
  required: true,
  description: 'The current password, because a stolen access token must not be enough.',
} as const;

const CODE = { required: true, description: 'A TOTP code or a recovery code.' } as const;

const EnableTotpInput = builder.inputType('EnableTotpInput', {
  description: 'The credentials to start an enrolment.',
  fields: (t) => ({ currentPassword: t.string(CURRENT_PASSWORD) }),
});

const ConfirmTotpInput = builder.inputType('ConfirmTotpInput', {
  description: 'The code that completes an enrolment.',
  fields: (t) => ({
    code: t.string({ required: true, description: 'The code that the app currently shows.' }),
  }),
});

const DisableTotpInput = builder.inputType('DisableTotpInput', {
  description: 'The credentials to turn TOTP off.',
  fields: (t) => ({ currentPassword: t.string(CURRENT_PASSWORD), code: t.string(CODE) }),
});

const RegenerateRecoveryCodesInput = builder.inputType('RegenerateRecoveryCodesInput', {
  description: 'The credentials to get new recovery codes.',
  fields: (t) => ({ currentPassword: t.string(CURRENT_PASSWORD), code: t.string(CODE) }),
});

const EnableTotpSuccess = builder
  .objectRef<TotpEnrolment & { kind: 'EnableTotpSuccess' }>('EnableTotpSuccess')
  .implement({
    description:
      'The data for an authenticator app. TOTP is not on until `confirmTotp` has received a code of the app.',
    fields: (t) => ({
      secret: t.exposeString('secret', {
        description: 'The secret in base32, to type into the app.',
      }),
      uri: t.exposeString('uri', { description: 'The otpauth:// URI, to open on a phone.' }),
      qrCode: t.exposeString('qrCode', {
        description: 'The URI as a QR code to scan: a data URI for an `<img>`.',
      }),
    }),
  });

const RECOVERY_CODES = {
  description:
    'Ten codes for signing in without the phone, such as when it is lost. Each can be used once. They are shown only this once.',
} as const;

const ConfirmTotpSuccess = builder
  .objectRef<{ kind: 'ConfirmTotpSuccess'; user: User; recoveryCodes: string[] }>(
    'ConfirmTotpSuccess',
  )
  .implement({
    description: 'TOTP is on.',
    fields: (t) => ({
      user: t.expose('user', { type: UserObject, description: 'The updated user.' }),
      recoveryCodes: t.exposeStringList('recoveryCodes', RECOVERY_CODES),
    }),
  });

const DisableTotpSuccess = builder
  .objectRef<{ kind: 'DisableTotpSuccess'; user: User }>('DisableTotpSuccess')
  .implement({
    description: 'TOTP is off.',
    fields: (t) => ({
      user: t.expose('user', { type: UserObject, description: 'The updated user.' }),
    }),
  });

const RegenerateRecoveryCodesSuccess = builder
  .objectRef<{ kind: 'RegenerateRecoveryCodesSuccess'; recoveryCodes: string[] }>(
    'RegenerateRecoveryCodesSuccess',
  )
  .implement({
    description: 'There are new recovery codes. The earlier ones no longer work.',
    fields: (t) => ({ recoveryCodes: t.exposeStringList('recoveryCodes', RECOVERY_CODES) }),
  });

const EnableTotpResult = resultUnion(
  'EnableTotpResult',
  'The result of `enableTotp`.',
  [EnableTotpSuccess],
  ['INVALID_CREDENTIALS', 'TOTP_ALREADY_ENABLED'],
);

const ConfirmTotpResult = resultUnion(
  'ConfirmTotpResult',
  'The result of `confirmTotp`.',
  [ConfirmTotpSuccess],
  ['INVALID_CODE', 'TOTP_NOT_ENABLED', 'TOTP_ALREADY_ENABLED'],
);

const DisableTotpResult = resultUnion(
  'DisableTotpResult',
  'The result of `disableTotp`.',
  [DisableTotpSuccess],
  ['INVALID_CREDENTIALS', 'INVALID_CODE', 'TOTP_NOT_ENABLED'],
);

const RegenerateRecoveryCodesResult = resultUnion(
  'RegenerateRecoveryCodesResult',
  'The result of `regenerateRecoveryCodes`.',
  [RegenerateRecoveryCodesSuccess],
  ['INVALID_CREDENTIALS', 'INVALID_CODE', 'TOTP_NOT_ENABLED'],
);

builder.mutationFields((t) => ({
  enableTotp: t.withAuth({ signedIn: true }).field({
    type: EnableTotpResult,
    description: 'Starts the enrolment of an authenticator app.',
    args: {
      input: t.arg({ type: EnableTotpInput, required: true, description: 'The current password.' }),
    },
    resolve: (_mutation, { input }, { deps, viewer, client }) =>
      asResult(
        enableTotp(deps, viewer, input.currentPassword, client).then((enrolment) => ({
          kind: 'EnableTotpSuccess' as const,
          ...enrolment,
        })),
      ),
  }),
  confirmTotp: t.withAuth({ signedIn: true }).field({
    type: ConfirmTotpResult,
    description: 'Turns TOTP on with the first code of the app.',
    args: { input: t.arg({ type: ConfirmTotpInput, required: true, description: 'The code.' }) },
    resolve: (_mutation, { input }, { deps, viewer, client }) =>
      asResult(
        confirmTotp(deps, viewer, input.code, client).then((confirmed) => ({
          kind: 'ConfirmTotpSuccess' as const,
          ...confirmed,
        })),
      ),
  }),
  disableTotp: t.withAuth({ signedIn: true }).field({
    type: DisableTotpResult,
    description: 'Turns TOTP off.',
    args: {
      input: t.arg({
        type: DisableTotpInput,
        required: true,
        description: 'The current password and a code.',
      }),
    },
    resolve: (_mutation, { input }, { deps, viewer, client }) =>
      asResult(
        disableTotp(deps, viewer, input, client).then((user) => ({
          kind: 'DisableTotpSuccess' as const,
          user,
        })),
      ),
  }),
  regenerateRecoveryCodes: t.withAuth({ signedIn: true }).field({
    type: RegenerateRecoveryCodesResult,
    description: 'Issues ten new recovery codes, which replace all earlier ones.',
    args: {
      input: t.arg({
        type: RegenerateRecoveryCodesInput,
        required: true,
        description: 'The current password and a code.',
      }),
    },
    resolve: (_mutation, { input }, { deps, viewer, client }) =>
      asResult(
        regenerateRecoveryCodes(deps, viewer, input, client).then((recoveryCodes) => ({
          kind: 'RegenerateRecoveryCodesSuccess' as const,
          recoveryCodes,
        })),
      ),
  }),
}));
