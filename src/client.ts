/** The sender of a request, as far as it is known. Recorded with sessions and audit events. */
export interface Client {
  /** The socket's address, or the client's as reported by trusted proxies; `null` for an operator's command. */
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly requestId: string | null;
}
