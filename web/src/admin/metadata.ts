/** Returned for text that is not JSON: a symbol, because it can equal no JSON value. */
export const NO_JSON = Symbol('no JSON');

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return NO_JSON;
  }
}
