/** The settings of a peer, which the benchmark passes in environment variables. */
export interface PeerSettings {
  databaseUrl: string;
  databaseConnections: number;
  /** The ids of the accounts to read, in hexadecimal. */
  accountIds: readonly string[];
  /** The number of accounts. */
  accounts: number;
  password: string;
  passwordHash: string;
  argon2: { memoryCost: number; timeCost: number; parallelism: number };
  hashConcurrency: number;
}

const VARIABLE = 'PEER_SETTINGS';

/** The settings as environment variables. */
export function peerEnvironment(settings: PeerSettings): Record<string, string> {
  return { [VARIABLE]: JSON.stringify(settings) };
}

export function readPeerSettings(): PeerSettings {
  return JSON.parse(process.env[VARIABLE] ?? '{}');
}
