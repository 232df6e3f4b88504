/** Who sent a request, as far as it can be known. It is recorded with sessions and audit events. */
export interface Client {
  /** The socket's address, or the one counted back over trusted proxies; `null` for a command of the operator. */
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly requestId: string | null;
}
