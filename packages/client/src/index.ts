export type { Credentials, ServerRequest } from './kit.ts';
export { type Attempt, createLatchkey, type Latchkey, type LatchkeyOptions } from './latchkey.ts';
export {
  type GraphqlProblem,
  LatchkeyError,
  type Problem,
  type ProblemCode,
  problemOf,
} from './problem.ts';
export { type RequestArguments, type RequestOptions, request } from './request.ts';
export { type Fetch, OWN_OPERATIONS } from './service.ts';
export type { GivenTokens } from './session-record.ts';
export type { SessionEvent, SessionState } from './session-watch.ts';
export { memoryStorage, type TokenStorage, webStorage } from './storage.ts';
export type { Channel, Locks, TabOptions } from './tabs.ts';
export type { TypedDocument, TypedText } from './typed-document.ts';
