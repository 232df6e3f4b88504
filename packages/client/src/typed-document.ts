/**
 * An operation as a string object that carries the types of its result and variables, such as a `TypedDocumentString` of
 * GraphQL Code Generator.
 */
// biome-ignore lint/complexity/noBannedTypes: it is such an object, and no string
export interface TypedText<Result, Variables> extends String {
  /** Never there: carries the types. */
  __apiType?: (variables: Variables) => Result;
}

/**
 * A parsed operation that carries the types of its result and variables. Apollo Client, urql and everything else that
 * accepts a `TypedDocumentNode` accept it. It does not refer to their types, so that nobody has to install a library only for
 * those.
 */
export interface TypedDocument<Result, Variables> {
  // biome-ignore lint/suspicious/noExplicitAny: an enum in the types of graphql 16, a string in those of others
  readonly kind: any;
  // biome-ignore lint/suspicious/noExplicitAny: each library has types of its own for what is inside
  readonly definitions: readonly any[];
  /** Never there: carries the types. */
  __apiType?: (variables: Variables) => Result;
}
