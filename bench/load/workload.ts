/** What is asked over and over, on several connections at once. */
export interface Workload {
  readonly url: string;
  /** Where the connections go, each to the next; without it all go to `url`. */
  readonly servers?: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /**
   * `{n}` stands for a number that changes with each request, `{token}` for the connection's token; in headers too.
   * Without a body the method is GET.
   */
  readonly body?: string;
  /** How many different `{n}` there are; without it none comes twice. */
  readonly numbers?: number;
  /** How far the next `{n}` is from the last; 1 without it. */
  readonly step?: number;
  /** What every right answer contains. */
  readonly expect: string;
  /** What comes before the connection's next token in an answer, where each answer brings one. */
  readonly tokenAfter?: string;
}

/** How a workload is put on a server, and for how long. */
export interface Load {
  readonly workload: Workload;
  readonly seconds: number;
  /** Requests a second, however long the answers take. Without it each connection asks again as soon as it is answered. */
  readonly rate?: number;
  /** The `{n}` before the first. */
  readonly lastNumber: number;
  /** Each connection's token, and so how many connections there are. */
  readonly tokens: readonly string[];
}

/** What a load came to. */
export interface LoadResult {
  /** Answers within the time. */
  readonly answers: number;
  readonly perSecond: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly lastNumber: number;
  readonly tokens: readonly string[];
}
