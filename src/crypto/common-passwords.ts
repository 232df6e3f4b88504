import { dictionary } from '@zxcvbn-ts/language-common';

/** Tells whether a password, whatever its case, is among the fifty thousand that everybody tries first. */
export function createCommonPasswords(): (password: string) => boolean {
  const common = new Set(dictionary['passwords-common']);
  return (password) => {
    const lower = password.toLowerCase();
    // the product's own name is what people reach for next
    return common.has(lower) || /^latchkey\d*$/.test(lower);
  };
}
