/** A request to repeat on several connections at once. */
export interface Workload {
  readonly url: string;
  /** The servers to spread the connections over; by default, all go to `url`. */
  readonly servers?: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /**
   * The body of a POST; without one, the method is GET. Here and in headers, `{n}` stands for a number that changes with
   * each request, and `{token}` for the connection's token.
   */
  readonly body?: string;
  /** How many different values `{n}` takes; by default, none repeats. */
  readonly numbers?: number;
  /** The step between successive `{n}`; 1 by default. */
  readonly step?: number;
  /** A text that every correct answer contains. */
  readonly expect: string;
  /** The text that precedes the connection's next token in an answer, if each answer brings a new one. */
  readonly tokenAfter?: string;
}

/** A workload with its duration and rate. */
export interface Load {
  readonly workload: Workload;
  readonly seconds: number;
  /** Requests a second, however long the answers take. By default, each connection sends the next as soon as one is answered. */
  readonly rate?: number;
  /** The last `{n}` that was used. */
  readonly lastNumber: number;
  /** Each connection's token. Their number is the number of connections. */
  readonly tokens: readonly string[];
}

/** The result of a load. */
export interface LoadResult {
  /** The number of answers that arrived in time. */
  readonly answers: number;
  readonly perSecond: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly lastNumber: number;
  readonly tokens: readonly string[];
}
