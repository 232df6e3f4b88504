import { deleteAccount } from '../flows/account-deletion.ts';
import { builder } from './builder.ts';
import { asResult, resultUnion } from './result.ts';

const DeleteAccountInput = builder.inputType('DeleteAccountInput', {
  description: 'What it takes to delete an account.',
  fields: (t) => ({
    confirm: t.boolean({ required: true, description: 'Must be true; nothing brings it back.' }),
    currentPassword: t.string({ required: true, description: 'The password.' }),
    code: t.string({ description: 'A TOTP or recovery code, where TOTP is on.' }),
  }),
});

const DeleteAccountSuccess = builder
  .objectRef<{ kind: 'DeleteAccountSuccess'; id: string }>('DeleteAccountSuccess')
  .implement({
    description: 'The account and all personal data with it are gone.',
    fields: (t) => ({ id: t.exposeID('id', { description: 'The id the account had.' }) }),
  });

const DeleteAccountResult = resultUnion(
  'DeleteAccountResult',
  'What deleteAccount answers.',
  [DeleteAccountSuccess],
  ['INVALID_INPUT', 'INVALID_CREDENTIALS', 'INVALID_CODE', 'LAST_ADMIN'],
);

builder.mutationField('deleteAccount', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: DeleteAccountResult,
    description: 'Deletes your account and all personal data with it.',
    args: {
      input: t.arg({ type: DeleteAccountInput, required: true, description: 'The proofs.' }),
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
