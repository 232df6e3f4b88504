import { deleteAccount } from '../flows/account-deletion.ts';
import { builder } from './builder.ts';
import { asResult, resultUnion } from './result.ts';

const DeleteAccountInput = builder.inputType('DeleteAccountInput', {
  description: 'The confirmation and the credentials that are needed to delete an account.',
  fields: (t) => ({
    confirm: t.boolean({
      required: true,
      description: 'Must be true. A deleted account cannot be restored.',
    }),
    currentPassword: t.string({ required: true, description: 'The current password.' }),
    code: t.string({ description: 'A TOTP or recovery code. Required if TOTP is on.' }),
  }),
});

const DeleteAccountSuccess = builder
  .objectRef<{ kind: 'DeleteAccountSuccess'; id: string }>('DeleteAccountSuccess')
  .implement({
    description: 'The account and all its personal data were deleted.',
    fields: (t) => ({ id: t.exposeID('id', { description: 'The id of the deleted account.' }) }),
  });

const DeleteAccountResult = resultUnion(
  'DeleteAccountResult',
  'The result of `deleteAccount`.',
  [DeleteAccountSuccess],
  ['INVALID_INPUT', 'INVALID_CREDENTIALS', 'INVALID_CODE', 'LAST_ADMIN'],
);

builder.mutationField('deleteAccount', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: DeleteAccountResult,
    description: 'Deletes your account and all its personal data.',
    args: {
      input: t.arg({
        type: DeleteAccountInput,
        required: true,
        description: 'The confirmation and the credentials.',
      }),
    },
    resolve: (_mutation, { input }, { deps, viewer, client }) =>
      asResult(
        deleteAccount(deps, viewer, { ...input, code: input.code ?? null }, client).then((id) => ({
          kind: 'DeleteAccountSuccess' as const,
          id,
        })),
      ),
  }),
);
