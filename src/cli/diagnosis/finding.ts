/** The result of one check. */
export interface Finding {
  /** The name of the check, such as `grants`. */
  check: string;
  /** `warning`: works now, but should be fixed. */
  status: 'ok' | 'warning' | 'broken';
  message: string;
  /** How to fix it. */
  mend?: string;
}

/** Makes findings of one check. */
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
