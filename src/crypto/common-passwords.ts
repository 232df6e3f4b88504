import { dictionary } from '@zxcvbn-ts/language-common';

/** Makes a function that tells whether a password, ignoring case, is among the fifty thousand most common ones. */
export function createCommonPasswords(): (password: string) => boolean {
  const common = new Set(dictionary['passwords-common']);
  return (password) => {
    const lower = password.toLowerCase();
    // the product's own name is a popular choice too
    return common.has(lower) || /^latchkey\d*$/.test(lower);
  };
}
