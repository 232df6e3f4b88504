function meta(name: string): string {
  const element = document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`);
  return element?.content ?? '';
}

/** What the service wrote into index.html. */
export const settings = {
  /** The path below which the service is reached; empty at the root. */
  base: meta('latchkey-base'),
  brandName: meta('application-name'),
  logoUrl: meta('latchkey-logo'),
  /** Who may register, and whether they are signed in at once: `open`, `verify` or `closed`. */
  registration: meta('latchkey-registration'),
  /** Characters of a new password at the least. */
  passwordLength: meta('latchkey-password-length'),
};
