import { formProblem, inputProblems, type Problems, unreachable } from '../form/problems.ts';
import { UpdateUserDocument, type UpdateUserInput } from '../generated/admin.ts';
import { useAsk } from '../session/client.tsx';

export const PROBLEMS = {
  NotFound: 'This account no longer exists.',
  SelfTargeted: 'You cannot do this to your own account. Ask another administrator.',
  LastAdmin: 'This is the last active administrator. Make someone else an administrator first.',
} as const;

/** @returns a function that updates a user and returns problems by field name */
export function useUserUpdate() {
  const { mutate } = useAsk();
  return async (input: UpdateUserInput): Promise<Problems | undefined> => {
    const { updateUser } = await mutate(UpdateUserDocument, { input });
    switch (updateUser.__typename) {
      case 'UpdateUserSuccess':
        return undefined;
      case 'InvalidInput':
        return inputProblems(updateUser.fields);
      case 'NotFound':
      case 'SelfTargeted':
      case 'LastAdmin':
        return formProblem(PROBLEMS[updateUser.__typename]);
      default:
        return unreachable(updateUser);
    }
  };
}
