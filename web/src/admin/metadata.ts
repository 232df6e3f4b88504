/** What is no JSON; every JSON value is something else. */
export const NO_JSON = Symbol('no JSON');

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return NO_JSON;
  }
}
