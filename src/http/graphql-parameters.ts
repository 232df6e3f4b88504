import type { Refusal } from './refusal.ts';

/** The validated parameters of one GraphQL request. */
export interface GraphqlParameters {
  readonly query: string;
  readonly operationName: string | undefined;
  readonly variables: object | undefined;
  readonly extensions: object | undefined;
}

/** The parameters, or why they were rejected. */
export type ParsedParameters = { readonly parameters: GraphqlParameters } | Refusal;

// Variables of a real schema nest a handful of levels; deeper ones are an attack on recursive code.
const JSON_DEPTH_LIMIT = 32;

/** Reads the parameters from a JSON body. */
export function parametersOfBody(body: string): ParsedParameters {
  if (jsonDepthExceeds(body, JSON_DEPTH_LIMIT)) {
    return bad(`The request body nests deeper than ${JSON_DEPTH_LIMIT} levels.`);
  }
  const parsed = parseJson(body);
  if (parsed === undefined) {
    return bad('The request body is not valid JSON. Send {"query": "...", "variables": {...}}.');
  }
  if (Array.isArray(parsed.value)) {
    return bad('Batches are not supported. Send one operation per request, as a JSON object.');
  }
  if (!isObject(parsed.value)) {
    return bad('The request body must be a JSON object: {"query": "...", "variables": {...}}.');
  }
  return checkParameters(parsed.value);
}

/** Reads the parameters from a URL's query string; of repeated ones the first counts. */
export function parametersOfQuery(search: string): ParsedParameters {
  const fields = new URLSearchParams(search);
  const candidate: Record<string, unknown> = {
    query: fields.get('query') ?? undefined,
    operationName: fields.get('operationName') || undefined,
  };
  for (const name of ['variables', 'extensions'] as const) {
    const text = fields.get(name);
    if (text === null || text === '') continue;
    const parsed = jsonDepthExceeds(text, JSON_DEPTH_LIMIT) ? undefined : parseJson(text);
    if (parsed === undefined) return bad(`The "${name}" parameter is not a JSON object.`);
    candidate[name] = parsed.value;
  }
  return checkParameters(candidate);
}

function checkParameters(candidate: Readonly<Record<string, unknown>>): ParsedParameters {
  // The specification asks servers to ignore any further properties.
  const { query, operationName, variables, extensions } = candidate;
  if (query === undefined || query === null) {
    return bad('There is no "query". Send a GraphQL document as the string "query".');
  }
  if (typeof query !== 'string') return bad('"query" must be a string.');
  if (!isAbsent(operationName) && typeof operationName !== 'string') {
    return bad('"operationName" must be a string or null.');
  }
  if (!isAbsent(variables) && !isObject(variables)) {
    return bad('"variables" must be an object or null.');
  }
  if (!isAbsent(extensions) && !isObject(extensions)) {
    return bad('"extensions" must be an object or null.');
  }
  return {
    parameters: {
      query,
      operationName: operationName ?? undefined,
      variables: variables ?? undefined,
      extensions: extensions ?? undefined,
    },
  };
}

/**
 * Whether JSON text nests arrays and objects deeper than the limit. It scans the text once without parsing, so that no
 * recursive code ever sees a text that fails.
 */
export function jsonDepthExceeds(text: string, limit: number): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character === 0x22 /* " */) i = endOfString(text, i);
    else if (character === 0x5b /* [ */ || character === 0x7b /* { */) {
      depth += 1;
      if (depth > limit) return true;
    } else if (character === 0x5d /* ] */ || character === 0x7d /* } */) depth -= 1;
  }
  return false;
}

/** The index of the quote that closes the string opened at `start`. */
function endOfString(text: string, start: number): number {
  let end = start;
  do {
    end = text.indexOf('"', end + 1);
    if (end === -1) return text.length;
  } while (isEscaped(text, end));
  return end;
}

function isEscaped(text: string, index: number): boolean {
  let first = index;
  while (text.charCodeAt(first - 1) === 0x5c /* \ */) first -= 1;
  return (index - first) % 2 === 1;
}

function parseJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

function bad(message: string): Refusal {
  return { status: 400, message };
}
