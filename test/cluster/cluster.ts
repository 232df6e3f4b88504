/** Three database nodes on this machine. */
export interface Cluster {
  name: string;
  ports: readonly number[];
  /** The port of the node that is, or ought to be, written to. */
  written(): Promise<number>;
  /** kill -9 */
  kill(port: number): Promise<void>;
  /** Starts a killed node again; resolves when it takes part again. */
  rejoin(port: number): Promise<void>;
  /** How HAProxy asks whether a node is to be written to: a section of deploy/haproxy.cfg. */
  proxySection: string;
  stop(): Promise<void>;
}

/** Where things are kept, and who is told how far it is. */
export interface Site {
  /** What stays between runs: unpacked packages. */
  home: string;
  /** What does not: data and logs. */
  directory: string;
  say(line: string): void;
}

/** The user that HAProxy asks as: it has no password and no rights. */
export const CHECK_USER = "'latchkey_check'@'127.0.0.1'";
/** The service's own, made by the tests. */
export const SERVICE_PASSWORD = 'tests-only-Pw1-9d3f';
