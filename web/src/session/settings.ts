function meta(name: string): string {
  const element = document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`);
  return element?.content ?? '';
}

/** The settings that the service wrote into index.html. */
export const settings = {
  /** The path under which the service is mounted; empty at the root. */
  base: meta('latchkey-base'),
  brandName: meta('application-name'),
  logoUrl: meta('latchkey-logo'),
  /** The REGISTRATION setting, which says who may register and whether that signs them in: `open`, `verify` or `closed`. */
  registration: meta('latchkey-registration'),
  /** The minimum length of a new password, in characters. */
  passwordLength: meta('latchkey-password-length'),
};
