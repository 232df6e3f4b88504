import { useRef } from 'react';
import { useLocation } from 'wouter';
import { TextField } from '../form/fields.tsx';
import { Form, type Values } from '../form/form.tsx';
import { formProblem, type Problems, unreachable } from '../form/problems.ts';
import {
  DeleteUserDocument,
  ResetUserTotpDocument,
  RevokeUserSessionsDocument,
  UnlockUserDocument,
} from '../generated/admin.ts';
import { Section } from '../layout/page.tsx';
import { useAsk } from '../session/client.tsx';
import { plural } from '../session/request-problem.ts';
import type { ManagedUser } from './user.tsx';
import { PROBLEMS, useUserUpdate } from './user-update.ts';

/** An action on an account, which the administrator has to confirm. */
interface Act {
  label: string;
  explanation: string;
  tone?: 'danger';
  /** Text to type as a confirmation, for actions that cannot be undone. */
  typed?: string;
  /** @returns the problems, or a message that says what was done */
  run(): Promise<Problems | string>;
}

export function UserActs({ user, onDone }: { user: ManagedUser; onDone(said: string): void }) {
  const acts = useActs(user);
  return (
    <Section title="Actions">
      <div className="acts">
        {acts.map((act) => (
          <ActButton key={act.label} act={act} onDone={onDone} />
        ))}
      </div>
    </Section>
  );
}

function ActButton({ act, onDone }: { act: Act; onDone(said: string): void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const close = () => dialog.current?.close();
  async function run(values: Values): Promise<Problems | undefined> {
    if (act.typed !== undefined && values.text('typed').trim() !== act.typed) {
      return { typed: `This does not match. Type ${act.typed} to confirm.` };
    }
    const done = await act.run();
    if (typeof done !== 'string') return done;
    close();
    onDone(done);
    return undefined;
  }
  return (
    <>
      <button
        type="button"
        className={`button ${act.tone ?? ''}`}
        onClick={() => dialog.current?.showModal()}
      >
        {act.label}
      </button>
      <dialog ref={dialog} aria-label={act.label} className="card">
        <h2>{act.label}</h2>
        <p className="lead">{act.explanation}</p>
        <Form
          onSubmit={run}
          submitLabel={act.label}
          {...(act.tone === undefined ? {} : { tone: act.tone })}
          secondary={
            <button type="button" className="button" onClick={close}>
              Cancel
            </button>
          }
        >
          {act.typed === undefined ? null : (
            <TextField name="typed" label={`Type ${act.typed} to confirm`} autoComplete="off" />
          )}
        </Form>
      </dialog>
    </>
  );
}

function useActs(user: ManagedUser): Act[] {
  const revoke = useRevocation(user.id);
  const unlock = useUnlocking(user.id);
  const resetTotp = useTotpReset(user.id);
  return [
    useRoleChange(user),
    useStatusChange(user),
    unlock,
    revoke,
    ...(user.totpEnabled ? [resetTotp] : []),
    useDeletion(user),
  ];
}

function useRoleChange({ id, role }: ManagedUser): Act {
  const update = useUserUpdate();
  const isAdmin = role === 'ADMIN';
  return {
    label: isAdmin ? 'Remove administrator role' : 'Make administrator',
    explanation: isAdmin
      ? 'From their next request on, they can manage only their own account.'
      : 'From their next request on, they can do everything that you can do.',
    run: async () =>
      (await update({ id, role: isAdmin ? 'USER' : 'ADMIN' })) ?? 'The role has been changed.',
  };
}

function useStatusChange({ id, status }: ManagedUser): Act {
  const update = useUserUpdate();
  if (status === 'DISABLED') {
    return {
      label: 'Enable',
      explanation: 'They will be able to sign in again.',
      run: async () => (await update({ id, status: 'ACTIVE' })) ?? 'The account is enabled.',
    };
  }
  return {
    label: 'Disable',
    tone: 'danger',
    explanation:
      'They will be signed out everywhere and cannot sign in until you enable the account.',
    run: async () => (await update({ id, status: 'DISABLED' })) ?? 'The account is disabled.',
  };
}

function useUnlocking(id: string): Act {
  const { mutate } = useAsk();
  return {
    label: 'Unlock',
    explanation: 'This clears the failed attempts, so that they can sign in at once.',
    async run() {
      const { unlockUser } = await mutate(UnlockUserDocument, { id });
      switch (unlockUser.__typename) {
        case 'UnlockUserSuccess':
          return 'The failed attempts have been cleared.';
        case 'NotFound':
          return formProblem(PROBLEMS.NotFound);
        default:
          return unreachable(unlockUser);
      }
    },
  };
}

function useRevocation(id: string): Act {
  const { mutate } = useAsk();
  return {
    label: 'End all sessions',
    explanation: 'They will be signed out everywhere, and can sign in again.',
    async run() {
      const { revokeUserSessions } = await mutate(RevokeUserSessionsDocument, { id });
      switch (revokeUserSessions.__typename) {
        case 'RevokeUserSessionsSuccess':
          return `${plural(revokeUserSessions.endedSessions, 'session')} ended.`;
        case 'NotFound':
          return formProblem(PROBLEMS.NotFound);
        default:
          return unreachable(revokeUserSessions);
      }
    },
  };
}

function useTotpReset(id: string): Act {
  const { mutate } = useAsk();
  return {
    label: 'Reset two-factor authentication',
    tone: 'danger',
    explanation:
      'For users who have lost their phone and their recovery codes. First make sure that the request really comes from them: after this, the password alone is enough to sign in.',
    async run() {
      const { resetUserTotp } = await mutate(ResetUserTotpDocument, { id });
      switch (resetUserTotp.__typename) {
        case 'ResetUserTotpSuccess':
          return 'Two-factor authentication is off.';
        case 'NotFound':
        case 'SelfTargeted':
          return formProblem(PROBLEMS[resetUserTotp.__typename]);
        default:
          return unreachable(resetUserTotp);
      }
    },
  };
}

function useDeletion({ id, email }: ManagedUser): Act {
  const { mutate } = useAsk();
  const [, navigate] = useLocation();
  return {
    label: 'Delete account',
    tone: 'danger',
    explanation: 'This deletes the account and its personal data immediately. It cannot be undone.',
    typed: email,
    async run() {
      const { deleteUser } = await mutate(DeleteUserDocument, { id });
      switch (deleteUser.__typename) {
        case 'DeleteUserSuccess':
          navigate('/admin/users');
          return 'The account has been deleted.';
        case 'NotFound':
        case 'SelfTargeted':
        case 'LastAdmin':
          return formProblem(PROBLEMS[deleteUser.__typename]);
        default:
          return unreachable(deleteUser);
      }
    },
  };
}
