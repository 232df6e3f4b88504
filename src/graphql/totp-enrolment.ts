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
  description: 'The password: a stolen access token must not be enough.',
} as const;

const CODE = { required: true, description: 'A TOTP code or a recovery code.' } as const;

const EnableTotpInput = builder.inputType('EnableTotpInput', {
  description: 'The beginning of an enrolment.',
  fields: (t) => ({ currentPassword: t.string(CURRENT_PASSWORD) }),
});

const ConfirmTotpInput = builder.inputType('ConfirmTotpInput', {
  description: 'The end of an enrolment.',
  fields: (t) => ({
    code: t.string({ required: true, description: 'The code that the app shows now.' }),
  }),
});

const DisableTotpInput = builder.inputType('DisableTotpInput', {
  description: 'What it takes to turn TOTP off.',
  fields: (t) => ({ currentPassword: t.string(CURRENT_PASSWORD), code: t.string(CODE) }),
});

const RegenerateRecoveryCodesInput = builder.inputType('RegenerateRecoveryCodesInput', {
  description: 'What it takes to get new recovery codes.',
  fields: (t) => ({ currentPassword: t.string(CURRENT_PASSWORD), code: t.string(CODE) }),
});

const EnableTotpSuccess = builder
  .objectRef<TotpEnrolment & { kind: 'EnableTotpSuccess' }>('EnableTotpSuccess')
  .implement({
    description:
      'What an authenticator app needs. It is in force once confirmTotp has a code of it.',
    fields: (t) => ({
      secret: t.exposeString('secret', { description: 'The secret in base32, to type in.' }),
      uri: t.exposeString('uri', { description: 'The otpauth:// URI, to open on a phone.' }),
      qrCode: t.exposeString('qrCode', {
        description: 'The URI as a picture to scan: a data URI for an <img>.',
      }),
    }),
  });

const RECOVERY_CODES = {
  description:
    'Ten codes for the day the phone is lost; each is good once. They are shown this once.',
} as const;

const ConfirmTotpSuccess = builder
  .objectRef<{ kind: 'ConfirmTotpSuccess'; user: User; recoveryCodes: string[] }>(
    'ConfirmTotpSuccess',
  )
  .implement({
    description: 'TOTP is on.',
    fields: (t) => ({
      user: t.expose('user', { type: UserObject, description: 'The user as they are now.' }),
      recoveryCodes: t.exposeStringList('recoveryCodes', RECOVERY_CODES),
    }),
  });

const DisableTotpSuccess = builder
  .objectRef<{ kind: 'DisableTotpSuccess'; user: User }>('DisableTotpSuccess')
  .implement({
    description: 'TOTP is off.',
    fields: (t) => ({
      user: t.expose('user', { type: UserObject, description: 'The user as they are now.' }),
    }),
  });

const RegenerateRecoveryCodesSuccess = builder
  .objectRef<{ kind: 'RegenerateRecoveryCodesSuccess'; recoveryCodes: string[] }>(
    'RegenerateRecoveryCodesSuccess',
  )
  .implement({
    description: 'The earlier recovery codes are void.',
    fields: (t) => ({ recoveryCodes: t.exposeStringList('recoveryCodes', RECOVERY_CODES) }),
  });

const EnableTotpResult = resultUnion(
  'EnableTotpResult',
  'What enableTotp answers.',
  [EnableTotpSuccess],
  ['INVALID_CREDENTIALS', 'TOTP_ALREADY_ENABLED'],
);

const ConfirmTotpResult = resultUnion(
  'ConfirmTotpResult',
  'What confirmTotp answers.',
  [ConfirmTotpSuccess],
  ['INVALID_CODE', 'TOTP_NOT_ENABLED', 'TOTP_ALREADY_ENABLED'],
);

const DisableTotpResult = resultUnion(
  'DisableTotpResult',
  'What disableTotp answers.',
  [DisableTotpSuccess],
  ['INVALID_CREDENTIALS', 'INVALID_CODE', 'TOTP_NOT_ENABLED'],
);

const RegenerateRecoveryCodesResult = resultUnion(
  'RegenerateRecoveryCodesResult',
  'What regenerateRecoveryCodes answers.',
  [RegenerateRecoveryCodesSuccess],
  ['INVALID_CREDENTIALS', 'INVALID_CODE', 'TOTP_NOT_ENABLED'],
);

builder.mutationFields((t) => ({
  enableTotp: t.withAuth({ signedIn: true }).field({
    type: EnableTotpResult,
    description: 'Starts to enrol an authenticator app.',
    args: { input: t.arg({ type: EnableTotpInput, required: true, description: 'The password.' }) },
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
    description: 'Turns TOTP on, by the first code of the app.',
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
      input: t.arg({ type: DisableTotpInput, required: true, description: 'The two proofs.' }),
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
    description: 'Issues ten new recovery codes in the place of all earlier ones.',
    args: {
      input: t.arg({
        type: RegenerateRecoveryCodesInput,
        required: true,
        description: 'The two proofs.',
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
