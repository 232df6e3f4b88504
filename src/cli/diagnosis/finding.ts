/** What one check found. */
export interface Finding {
  /** What was checked, such as `grants`. */
  check: string;
  /** `warning`: it works, and should not stay so. */
  status: 'ok' | 'warning' | 'broken';
  message: string;
  /** What to do about it. */
  mend?: string;
}

/** Makes the findings of one check. */
export function findingsOf(check: string) {
  return {
    ok: (message: string): Finding => ({ check, status: 'ok', message }),
    warning: (message: string, mend: string): Finding => ({
      check,
      status: 'warning',
      message,
      mend,
    }),
    broken: (message: string, mend: string): Finding => ({
      check,
      status: 'broken',
      message,
      mend,
    }),
  };
}
