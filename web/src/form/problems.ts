/** Problems by field name. The empty name holds the problem of the form as a whole. */
export type Problems = Readonly<Record<string, string>>;

/** The problems of an `InvalidInput` result. */
export function inputProblems(fields: readonly { path: string; message: string }[]): Problems {
  return Object.fromEntries(fields.map(({ path, message }) => [path, message]));
}

export function formProblem(message: string): Problems {
  return { '': message };
}

/** The default case of a switch over a union: it does not compile while a member is unhandled. */
export function unreachable(value: never): never {
  throw new Error(`An answer that this page does not know: ${JSON.stringify(value)}`);
}
