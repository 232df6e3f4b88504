/** The two representations of a GraphQL result, as the GraphQL-over-HTTP specification names them. */
export type ResultType = 'application/json' | 'application/graphql-response+json';

const JSON_TYPE: ResultType = 'application/json';
const RESULT_TYPE: ResultType = 'application/graphql-response+json';

// Anything else is refused rather than guessed at. Lists, other charsets, and the types that a browser sends across
// origins without a preflight have each led some server to execute forged mutations.
const JSON_CONTENT_TYPE =
  /^application\/json[ \t]*(?:;[ \t]*(?:charset=(?:utf-8|"utf-8")[ \t]*)?)?$/i;

/** Whether a request's Content-Type is exactly JSON, in UTF-8. */
export function isJsonContentType(contentType: string | undefined): boolean {
  if (contentType === JSON_TYPE) return true;
  return contentType !== undefined && JSON_CONTENT_TYPE.test(contentType);
}

/**
 * Negotiates the result's media type by the Accept header: the highest quality wins, then the client's order. Undefined
 * when the client accepts neither.
 */
export function negotiateResultType(accept: string | undefined): ResultType | undefined {
  if (accept === undefined || accept === '*/*' || accept === JSON_TYPE) return JSON_TYPE;
  if (accept === RESULT_TYPE) return RESULT_TYPE;
  let best: ResultType | undefined;
  let bestQuality = 0;
  for (const range of accept.toLowerCase().split(',')) {
    const [mediaType = '', ...parameters] = range.split(';').map((part) => part.trim());
    const offered = resultTypeOf(mediaType);
    const quality = qualityOf(parameters);
    if (offered !== undefined && quality > bestQuality) {
      best = offered;
      bestQuality = quality;
    }
  }
  return best;
}

function resultTypeOf(mediaType: string): ResultType | undefined {
  if (mediaType === RESULT_TYPE) return RESULT_TYPE;
  // The specification asks servers to answer wildcards in the type that old clients understand.
  if (mediaType === JSON_TYPE || mediaType === '*/*' || mediaType === 'application/*') {
    return JSON_TYPE;
  }
  return undefined;
}

function qualityOf(parameters: readonly string[]): number {
  let quality = 1;
  for (const parameter of parameters) {
    if (parameter.startsWith('charset=') && !/^charset="?utf-?8"?$/.test(parameter)) return 0;
    if (parameter.startsWith('q=')) quality = Number(parameter.slice(2));
  }
  return quality >= 0 && quality <= 1 ? quality : 0;
}
