/** What is wrong, by the name of the field; under the empty name what concerns the form as a whole. */
export type Problems = Readonly<Record<string, string>>;

/** The fields of an InvalidInput. */
export function inputProblems(fields: readonly { path: string; message: string }[]): Problems {
  return Object.fromEntries(fields.map(({ path, message }) => [path, message]));
}

export function formProblem(message: string): Problems {
  return { '': message };
}

/** The end of a switch over a union: it does not compile while a member is not dealt with. */
export function unreachable(value: never): never {
  throw new Error(`An answer that this page does not know: ${JSON.stringify(value)}`);
}
