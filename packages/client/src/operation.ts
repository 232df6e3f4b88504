import type { GivenTokens } from './session-record.ts';

/** A parsed document of any GraphQL library. */
export interface ParsedDocument {
  // biome-ignore lint/suspicious/noExplicitAny: each library has types of its own for what is inside
  readonly definitions: readonly any[];
}

/** What an answer says about the session. */
export type Lesson =
  /** Somebody signed in. The tokens are `null` when they came as cookies. */
  | { type: 'signed-in'; tokens: GivenTokens | null }
  /** The same session continues with new tokens. */
  | { type: 'renewed'; tokens: GivenTokens }
  | { type: 'signed-out'; endedSessions: number | null };

const SIGN_IN_INPUTS = ['LoginInput', 'RegisterInput', 'CompleteLoginInput', 'RefreshInput'];
const SIGN_INS = ['LoginSuccess', 'RegisterSuccess'];
const SIGN_OUTS = ['LogoutSuccess', 'DeleteAccountSuccess'];
const RENEWALS = ['RefreshSuccess', 'UpdateProfileSuccess'];

/** The type names of a document's variables, without list and non-null markers. */
export function variableTypes(document: ParsedDocument | string): Map<string, string> {
  if (typeof document === 'string') {
    const found = document.matchAll(/\$(\w+)\s*:\s*(\w+)/g);
    return new Map([...found].map(([, name = '', type = '']) => [name, type]));
  }
  const types = new Map<string, string>();
  for (const { variableDefinitions } of document.definitions) {
    for (const { variable, type } of variableDefinitions ?? []) {
      const named = type.kind === 'NonNullType' ? type.type : type;
      types.set(variable.name.value, named.name?.value ?? '');
    }
  }
  return types;
}

/** Whether an operation is a sign-in, which must not depend on an earlier session. */
export function isSignIn(types: Map<string, string>): boolean {
  return [...types.values()].some((type) => SIGN_IN_INPUTS.includes(type));
}

/** Adds to the inputs what the kit knows, so that the caller need not. Values from the caller take precedence. */
export function completeVariables<Variables extends object>(
  variables: Variables,
  types: Map<string, string>,
  known: { deviceToken: string | null; cookies: boolean },
): Variables {
  const completed = { ...variables } as Record<string, unknown>;
  for (const [name, type] of types) {
    const input = completed[name];
    if (typeof input !== 'object' || input === null) continue;
    const takesCookies = type === 'LoginInput' || type === 'RegisterInput';
    completed[name] = {
      ...(takesCookies && known.cookies ? { cookies: true } : {}),
      ...(type === 'LoginInput' && known.deviceToken ? { deviceToken: known.deviceToken } : {}),
      ...input,
    };
  }
  return completed as Variables;
}

/** What the answer to a mutation says about the session; `null` for most mutations. */
export function lessonOf(data: unknown): Lesson | null {
  if (typeof data !== 'object' || data === null) return null;
  for (const result of Object.values(data)) {
    const lesson = lessonOfResult(result);
    if (lesson !== null) return lesson;
  }
  return null;
}

function lessonOfResult(result: unknown): Lesson | null {
  if (typeof result !== 'object' || result === null) return null;
  const { __typename, tokens, endedSessions } = result as {
    __typename?: string;
    tokens?: Partial<GivenTokens> | null;
    endedSessions?: number;
  };
  if (__typename !== undefined && SIGN_OUTS.includes(__typename)) {
    return { type: 'signed-out', endedSessions: endedSessions ?? null };
  }
  const given = isTokens(tokens) ? tokens : null;
  if (__typename !== undefined && RENEWALS.includes(__typename)) {
    return given && { type: 'renewed', tokens: given };
  }
  if (__typename !== undefined && SIGN_INS.includes(__typename)) {
    return { type: 'signed-in', tokens: given };
  }
  // the document does not select __typename
  return __typename === undefined && given?.refreshToken
    ? { type: 'signed-in', tokens: given }
    : null;
}

function isTokens(tokens: Partial<GivenTokens> | null | undefined): tokens is GivenTokens {
  return typeof tokens?.accessToken === 'string';
}
